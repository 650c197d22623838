"""python -m embedmig"""

from embedmig.cli.entry import main

if __name__ == "__main__":
    main(prog_name="python -m embedmig")
