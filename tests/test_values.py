"""The values that are handed around: frozen, comparable, readable, and able to cross a process boundary."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import embedmig
from embedmig import Applied, Drift, Migration, Migrator, Progress, Report, Status, UsageError
from embedmig.report import Value


def top_level(conn: object) -> None:
    """A `prepare` that pickles."""


MIGRATION = Migration("001_notes", 1, "Notes", "CREATE TABLE notes (x)")
APPLIED = Applied(1, "001_notes", "Notes", "2024-01-01T00:00:00.000Z")

VALUES: dict[str, tuple[Value, Value, str]] = {
    "Migration": (
        MIGRATION,
        Migration("001_notes", 1, "Notes", "CREATE TABLE notes (y)"),
        "Migration(id='001_notes', version=1, description='Notes', up='CREATE TABLE notes (x)', down=None, transactional=True,"
        " backward_compatible=False, requires_sqlite=None, file=None, checksum=None, down_file=None,"
        " loses_rows=False, adopts=())",
    ),
    "Applied": (
        APPLIED,
        Applied(1, "001_notes", "Notes", "2024-01-01T00:00:00.000Z", finished=False),
        "Applied(version=1, id='001_notes', description='Notes', applied_at='2024-01-01T00:00:00.000Z', duration_ms=None,"
        " checksum=None, app_version=None, backward_compatible=False, finished=True)",
    ),
    "Progress": (
        Progress("001_notes", 1, 2, "running", 5, 10, 0.5),
        Progress("001_notes", 1, 2, "running", 6, 10, 0.5),
        "Progress(id='001_notes', index=1, total=2, phase='running', done=5, total_rows=10, elapsed_s=0.5)",
    ),
    "Report": (
        Report("/notes.db", 0, 1, ("001_notes",)),
        Report("/notes.db", 0, 1),
        "Report(path='/notes.db', before=0, after=1, ran=('001_notes',), backup=None, duration_s=0.0)",
    ),
    "Status": (
        Status("/notes.db", 1, (APPLIED,), ("002_tags",), (), (), (), False),
        Status("/notes.db", 1, (), ("002_tags",), (), (), (), False),
        f"Status(path='/notes.db', version=1, applied=({APPLIED!r},), pending=('002_tags',), unknown=(), edited=(), backups=(),"
        " current=False, warnings=(), drift=None)",
    ),
    "Drift": (
        Drift(("index a",), (), (), "missing: index a"),
        Drift((), ("index a",), (), "missing: index a"),
        "Drift(missing=('index a',), unexpected=(), different=(), diff='missing: index a')",
    ),
    "Migrator": (
        Migrator([MIGRATION], application_id=7, prepare=top_level),
        Migrator([MIGRATION], application_id=7),
        f"Migrator(migrations=({MIGRATION!r},), atomic='run', backups_kept=3, timeout=30.0, application_id=7, app_version=None,"
        f" prepare={top_level!r}, detect_version=None, adopts=None, out_of_order=False, strict=False)",
    ),
}  # fmt: skip
EACH = [value for value, _, _ in VALUES.values()]


@pytest.mark.parametrize("value", EACH, ids=VALUES)
def test_a_value_is_frozen(value: Value) -> None:
    before = repr(value)
    name = next(iter(type(value).__annotations__))
    with pytest.raises(AttributeError, match=f"{type(value).__name__} is frozen: {name} can't be set"):
        setattr(value, name, 9)
    with pytest.raises(AttributeError, match="is frozen: anything can't be set"):
        value.anything = 9
    with pytest.raises(AttributeError, match=f"is frozen: {name} can't be deleted"):
        delattr(value, name)
    assert repr(value) == before


@pytest.mark.parametrize(("value", "other"), [row[:2] for row in VALUES.values()], ids=VALUES)
def test_values_are_equal_by_their_fields(value: Value, other: Value) -> None:
    twin = copy.copy(value)
    assert twin is not value
    assert value == twin
    assert hash(value) == hash(twin)
    assert value != other
    assert len({value, twin, other}) == 2


def test_values_of_two_kinds_are_never_equal() -> None:
    assert all(one != other for one in EACH for other in EACH if one is not other)
    assert MIGRATION != "001_notes"
    assert tuple(APPLIED._fields().values()) != APPLIED


@pytest.mark.parametrize(("value", "text"), [(row[0], row[2]) for row in VALUES.values()], ids=VALUES)
def test_a_value_shows_its_fields(value: Value, text: str) -> None:
    assert repr(value) == text


@pytest.mark.parametrize("value", EACH, ids=VALUES)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_value_pickles(value: Value, protocol: int) -> None:
    assert pickle.loads(pickle.dumps(value, protocol)) == value


def test_defaults_are_filled_in_and_names_may_be_given() -> None:
    assert Report(after=2, before=1, path=None) == Report(None, 1, 2, (), None, 0.0)
    assert Applied(1, "a", "A", "now", duration_ms=5).duration_ms == 5
    assert Applied(1, "a", "A", "now").finished is True


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, "Report() lacks path, before, after"),
        ((None, 1), {}, "Report() lacks after"),
        ((None,), {"after": 1}, "Report() lacks before"),
        ((None, 1, 2, (), None, 0.0, 7), {}, "Report() takes 6 values, not 7"),
        ((None, 1, 2), {"version": 2}, "Report() got an unexpected or repeated 'version'"),
        ((None, 1, 2), {"path": "/notes.db"}, "Report() got an unexpected or repeated 'path'"),
        ((None, 1), {"version": 2}, "Report() got an unexpected or repeated 'version'"),
    ],
)
def test_wrong_arguments_are_named(args: tuple[object, ...], kwargs: dict[str, object], message: str) -> None:
    with pytest.raises(TypeError) as caught:
        Report(*args, **kwargs)
    assert str(caught.value) == message


def test_values_do_not_share_what_they_were_given() -> None:
    one, other = Migration("a", 1, "A", "SELECT 1"), Migration("b", 2, "B", "SELECT 2", down="SELECT 3")
    assert (one.down, other.down) == (None, "SELECT 3")


# -- a Migrator is a value too, and refuses what can't be meant -------------------------------------------------------------


def test_a_migrator_remembers_its_policies_and_opens_nothing() -> None:
    migrator = Migrator("a_package.that_is_not_there", atomic="migration", timeout=1, app_version="2.0", strict=True)
    assert migrator.migrations == "a_package.that_is_not_there"
    assert (migrator.atomic, migrator.timeout, migrator.app_version, migrator.strict) == ("migration", 1, "2.0", True)


NOTHING = "Nothing was changed."
BITS = f"is not a number of 32 bits above 0. {NOTHING} Draw one and keep it for ever."
COPIES = f"is not a number of copies. {NOTHING} Say how many to keep; 0 makes none."


POLICIES = [
    ({"atomic": "all"}, f"atomic='all' is neither 'run' nor 'migration'. {NOTHING} Choose one of the two."),
    ({"atomic": True}, f"atomic=True is neither 'run' nor 'migration'. {NOTHING} Choose one of the two."),
    ({"application_id": 0}, f"application_id=0 {BITS}"),
    ({"application_id": -1}, f"application_id=-1 {BITS}"),
    ({"application_id": 2**32}, f"application_id=4294967296 {BITS}"),
    ({"application_id": "note"}, f"application_id='note' {BITS}"),
    ({"backups": -1}, f"backups=-1 {COPIES}"),
    ({"backups": "3"}, f"backups='3' {COPIES}"),
]


@pytest.mark.parametrize(("policy", "message"), POLICIES, ids=[str(policy) for policy, _ in POLICIES])
def test_a_policy_that_cannot_be_meant_is_refused(policy: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Migrator([MIGRATION], **policy)
    assert str(caught.value) == message


@pytest.mark.parametrize("verb", [embedmig.open, embedmig.connect], ids=["open", "connect"])
def test_a_migrator_is_no_list_of_migrations(verb: Callable[..., object], path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        verb(path, Migrator([MIGRATION]))
    assert str(caught.value) == (
        f"A Migrator stands where its migrations should. {NOTHING} "
        "Call its own verb: migrator.open(path), migrator.connect(path), migrator.migrate(path)."
    )
    assert not path.exists()


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'atomicity'"):
        Migrator([MIGRATION], atomicity="run")


@pytest.mark.parametrize("application_id", [1, 2**31 - 1, 2**31, 2**32 - 1])
def test_an_application_id_is_any_number_of_32_bits(application_id: int) -> None:
    assert Migrator([MIGRATION], application_id=application_id).application_id == application_id


def test_what_does_not_pickle_says_so_itself() -> None:
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.dumps(Migrator([MIGRATION], prepare=lambda conn: threading.Lock()))


def test_an_apps_own_class_derived_from_a_value_has_all_its_fields(path):
    class Ours(Migrator):
        pass

    class Titled(Report):
        title: str = "Upgrade"

    assert Ours([Migration("001_x", 1, "x", "CREATE TABLE t (x)")], app_version="2").migrate(path).after == 1
    assert Titled("a.db", 1, 2, title="New") == Titled("a.db", 1, 2, (), None, 0.0, "New")
    assert (Titled("a.db", 1, 2).title, Titled("a.db", 1, 2).after) == ("Upgrade", 2)
