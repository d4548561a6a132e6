"""What stands in the file. Everything of a project hangs on its row in `projects`; one without a name is gone, and swept away."""

from mockapi.stores.codec import FORMAT

__all__ = ["APPLICATION", "ROWS", "TABLES", "VERSION"]

APPLICATION = 0x6D6F636B
"""`PRAGMA application_id`: the file is ours."""

VERSION = 100 + FORMAT
"""`PRAGMA user_version`: that of the tables, a hundred each, and of the records in them."""

TABLES = """
CREATE TABLE projects(
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, used INTEGER NOT NULL, offset REAL NOT NULL DEFAULT 0,
    responses INTEGER NOT NULL DEFAULT 0, threads INTEGER NOT NULL DEFAULT 0, ordinals INTEGER NOT NULL DEFAULT 0,
    prefixes INTEGER NOT NULL DEFAULT 0, buckets INTEGER NOT NULL DEFAULT 0, deliveries INTEGER NOT NULL DEFAULT 0,
    ordinal INTEGER NOT NULL DEFAULT 0, entries INTEGER NOT NULL DEFAULT 0, entry_bytes INTEGER NOT NULL DEFAULT 0,
    forgotten INTEGER NOT NULL DEFAULT 0);
CREATE INDEX projects_by_use ON projects(used);

CREATE TABLE responses(
    seq INTEGER PRIMARY KEY, project INTEGER NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, progress BLOB NOT NULL,
    items TEXT NOT NULL, data BLOB NOT NULL);
CREATE UNIQUE INDEX responses_by_id ON responses(project, id);
CREATE INDEX responses_by_age ON responses(project);
CREATE TABLE response_items(id TEXT NOT NULL, response INTEGER NOT NULL, PRIMARY KEY(id, response)) WITHOUT ROWID;

CREATE TABLE threads(
    seq INTEGER PRIMARY KEY, project INTEGER NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, data BLOB NOT NULL);
CREATE UNIQUE INDEX threads_by_id ON threads(project, id);
CREATE INDEX threads_by_age ON threads(project);
CREATE TABLE thread_items(
    seq INTEGER PRIMARY KEY, thread INTEGER NOT NULL, number INTEGER NOT NULL, id TEXT NOT NULL, data BLOB NOT NULL);
CREATE UNIQUE INDEX thread_items_by_number ON thread_items(thread, number);
CREATE UNIQUE INDEX thread_items_by_id ON thread_items(id, thread);

CREATE TABLE ordinals(
    project INTEGER NOT NULL, key BLOB NOT NULL, taken INTEGER NOT NULL, used INTEGER NOT NULL, PRIMARY KEY(project, key)
) WITHOUT ROWID;
CREATE INDEX ordinals_by_use ON ordinals(project, used);
CREATE TABLE prefixes(
    project INTEGER NOT NULL, key BLOB NOT NULL, used INTEGER NOT NULL, PRIMARY KEY(project, key)
) WITHOUT ROWID;
CREATE INDEX prefixes_by_use ON prefixes(project, used);
CREATE TABLE buckets(
    project INTEGER NOT NULL, key BLOB NOT NULL, level REAL NOT NULL, at REAL NOT NULL, used INTEGER NOT NULL,
    PRIMARY KEY(project, key)) WITHOUT ROWID;
CREATE INDEX buckets_by_use ON buckets(project, used);
CREATE TABLE usage(
    project INTEGER NOT NULL, name TEXT NOT NULL, amount INTEGER NOT NULL, PRIMARY KEY(project, name)
) WITHOUT ROWID;

CREATE TABLE uses(
    project INTEGER NOT NULL, scenario TEXT NOT NULL, step INTEGER NOT NULL, used INTEGER NOT NULL,
    PRIMARY KEY(project, scenario, step)) WITHOUT ROWID;
CREATE TABLE scenarios(
    project INTEGER NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY(project, name)
) WITHOUT ROWID;
CREATE TABLE faults(seq INTEGER PRIMARY KEY, project INTEGER NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL);
CREATE UNIQUE INDEX faults_by_name ON faults(project, name);

CREATE TABLE entries(seq INTEGER PRIMARY KEY, project INTEGER NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX entries_by_age ON entries(project);

CREATE TABLE endpoints(
    seq INTEGER PRIMARY KEY, project INTEGER NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, data BLOB NOT NULL);
CREATE UNIQUE INDEX endpoints_by_id ON endpoints(project, id);
CREATE TABLE deliveries(
    seq INTEGER PRIMARY KEY, project INTEGER NOT NULL, id TEXT NOT NULL, response TEXT NOT NULL, url TEXT NOT NULL,
    due REAL NOT NULL, version INTEGER NOT NULL, claim INTEGER NOT NULL, until REAL NOT NULL DEFAULT 0,
    is_decided INTEGER NOT NULL, data BLOB NOT NULL);
CREATE UNIQUE INDEX deliveries_by_id ON deliveries(project, id);
CREATE INDEX deliveries_by_response ON deliveries(project, response);
CREATE INDEX deliveries_by_age ON deliveries(project);
CREATE INDEX deliveries_free ON deliveries(project, url, due, seq) WHERE until = 0;
CREATE INDEX deliveries_claimed ON deliveries(until) WHERE until > 0;

CREATE TABLE news(seq INTEGER PRIMARY KEY AUTOINCREMENT, sender BLOB NOT NULL, topic TEXT NOT NULL);
"""

ROWS = {
    "response_items": "response IN (SELECT seq FROM responses WHERE project = :project LIMIT :most)",
    "responses": "seq IN (SELECT seq FROM responses WHERE project = :project LIMIT :most)",
    "thread_items": "seq IN (SELECT i.seq FROM threads t JOIN thread_items i ON i.thread = t.seq"
    " WHERE t.project = :project LIMIT :most)",
    "threads": "seq IN (SELECT seq FROM threads t WHERE project = :project AND NOT EXISTS"
    " (SELECT 1 FROM thread_items i WHERE i.thread = t.seq) LIMIT :most)",
    **{
        name: f"rowid IN (SELECT rowid FROM {name} WHERE project = :project LIMIT :most)"
        for name in ("faults", "entries", "endpoints", "deliveries")
    },
    **{
        name: f"(project, key) IN (SELECT project, key FROM {name} WHERE project = :project LIMIT :most)"
        for name in ("ordinals", "prefixes", "buckets")
    },
    **{name: "project = :project" for name in ("usage", "uses", "scenarios")},
}
"""By table, in this order: some rows of a project. (`response_items` goes before the responses that it is found by.)"""
