-- Double-entry bookkeeping for one household.
CREATE TABLE currencies (code TEXT PRIMARY KEY CHECK (length(code) = 3 AND code = upper(code) AND code NOT GLOB '*[^A-Z]*'), exponent INTEGER NOT NULL DEFAULT 2 CHECK (exponent BETWEEN 0 AND 4)) WITHOUT ROWID;
CREATE TABLE ledger_accounts (
  id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE CHECK (code GLOB '[0-9][0-9][0-9][0-9]'), name TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('asset', 'liability', 'equity', 'income', 'expense')),
  currency TEXT NOT NULL REFERENCES currencies (code), parent_id INTEGER, closed_on TEXT CHECK (closed_on IS NULL OR date(closed_on) = closed_on),
  UNIQUE (id, kind), FOREIGN KEY (parent_id, kind) REFERENCES ledger_accounts (id, kind)
);
CREATE TABLE payees (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE, iban TEXT CHECK (iban IS NULL OR (length(iban) BETWEEN 15 AND 34 AND iban GLOB '[A-Z][A-Z][0-9][0-9]*')));
CREATE TABLE transactions (
  id INTEGER PRIMARY KEY, booked_on TEXT NOT NULL CHECK (booked_on IS strftime('%Y-%m-%d', booked_on)), valued_on TEXT, payee_id INTEGER REFERENCES payees (id),
  memo TEXT NOT NULL DEFAULT '' CHECK (length(memo) <= 140), cleared TEXT NOT NULL DEFAULT 'n' CHECK (cleared IN ('n', 'c', 'r')), import_id TEXT, CHECK (valued_on IS NULL OR valued_on >= booked_on)
);
CREATE UNIQUE INDEX imported_once ON transactions (import_id) WHERE import_id IS NOT NULL;
CREATE TABLE splits (
  transaction_id INTEGER NOT NULL REFERENCES transactions (id) ON DELETE CASCADE, line INTEGER NOT NULL CHECK (line >= 1),
  account_id INTEGER NOT NULL REFERENCES ledger_accounts (id), debit_cents INTEGER NOT NULL DEFAULT 0 CHECK (debit_cents >= 0), credit_cents INTEGER NOT NULL DEFAULT 0 CHECK (credit_cents >= 0),
  PRIMARY KEY (transaction_id, line), CHECK ((debit_cents = 0) <> (credit_cents = 0))
) WITHOUT ROWID;
CREATE TABLE invoices (
  id INTEGER PRIMARY KEY, number TEXT NOT NULL UNIQUE CHECK (number GLOB 'INV-[0-9][0-9][0-9][0-9]-*'), payee_id INTEGER NOT NULL REFERENCES payees (id),
  net_cents INTEGER NOT NULL, vat_cents INTEGER NOT NULL, total_cents INTEGER NOT NULL CHECK (total_cents = net_cents + vat_cents),
  status TEXT NOT NULL CHECK (status IN ('draft', 'sent', 'paid', 'void')), sent_on TEXT, paid_on TEXT,
  CHECK (CASE status WHEN 'draft' THEN sent_on IS NULL AND paid_on IS NULL WHEN 'sent' THEN sent_on IS NOT NULL AND paid_on IS NULL WHEN 'paid' THEN sent_on IS NOT NULL AND paid_on >= sent_on ELSE 1 END)
);
CREATE TABLE budgets (
  account_id INTEGER NOT NULL REFERENCES ledger_accounts (id), month TEXT NOT NULL CHECK (month GLOB '[1-2][0-9][0-9][0-9]-[0-1][0-9]' AND substr(month, 6, 2) BETWEEN '01' AND '12'),
  amount_cents INTEGER NOT NULL, rollover INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (account_id, month)
);
CREATE TABLE prices (
  base TEXT NOT NULL REFERENCES currencies (code), quote TEXT NOT NULL REFERENCES currencies (code), day TEXT NOT NULL, rate DECIMAL(18, 8) NOT NULL CHECK (rate > 0),
  PRIMARY KEY (base, quote, day), CHECK (base <> quote)
) WITHOUT ROWID;
CREATE TABLE schedules (
  id INTEGER PRIMARY KEY, amount_cents INTEGER NOT NULL CHECK (amount_cents <> 0), every INTEGER NOT NULL CHECK (every > 0), unit TEXT NOT NULL CHECK (unit IN ('day', 'week', 'month', 'year')),
  next_on TEXT NOT NULL, until TEXT, remaining INTEGER CHECK (remaining >= 0), CHECK (until IS NULL OR remaining IS NULL), CHECK (unit <> 'month' OR every <= 12)
);
CREATE TABLE reconciliations (
  account_id INTEGER NOT NULL REFERENCES ledger_accounts (id), statement_on TEXT NOT NULL, opening INTEGER NOT NULL, change INTEGER NOT NULL, closing INTEGER NOT NULL,
  PRIMARY KEY (account_id, statement_on), CHECK (opening + change = closing)
);
CREATE TABLE periods (id INTEGER PRIMARY KEY, from_on TEXT NOT NULL, to_on TEXT NOT NULL, closed INTEGER NOT NULL DEFAULT 0, CHECK (to_on > from_on));
CREATE TABLE journal (id INTEGER PRIMARY KEY, period_id INTEGER NOT NULL REFERENCES periods (id), amount INTEGER NOT NULL, previous INTEGER REFERENCES journal (id));
CREATE TRIGGER closed_periods_stay BEFORE INSERT ON journal
WHEN (SELECT closed FROM periods WHERE id = NEW.period_id) <> 0
BEGIN SELECT RAISE(ABORT, 'this period is closed'); END;
