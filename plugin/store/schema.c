/* SPDX-License-Identifier: MIT */
/*
 * The tables. Moments are Unix seconds unless they end in _ns, 0 = never; text is '' where nothing is known, NULL only where a foreign key points nowhere. Names are kept sorted,
 * joined by one space. Each order and job has its host and lease, though a file serves one host only: the same tables will serve several.
 */
#include "store/schema.h"

#include "util/attr.h"

#define VERSION_1 \
	"CREATE TABLE hosts (" \
	"	id TEXT NOT NULL PRIMARY KEY," \
	"	is_here INTEGER NOT NULL CHECK (is_here IN (0, 1))" \
	") STRICT, WITHOUT ROWID;" \
	"INSERT INTO hosts VALUES (lower(hex(randomblob(8))), 1);" \
	\
	"CREATE TABLE leases (" \
	"	name TEXT NOT NULL PRIMARY KEY," \
	"	host TEXT NOT NULL REFERENCES hosts," \
	"	until_at INTEGER NOT NULL" \
	") STRICT, WITHOUT ROWID;" \
	\
	"CREATE TABLE certs (" \
	"	leaf TEXT NOT NULL PRIMARY KEY," \
	"	server TEXT NOT NULL," \
	"	account_url TEXT NOT NULL," \
	"	profile TEXT NOT NULL," \
	"	key_type TEXT NOT NULL," \
	"	names TEXT NOT NULL," \
	"	issuer TEXT NOT NULL," \
	"	ari_id TEXT NOT NULL," \
	"	not_before_at INTEGER NOT NULL," \
	"	not_after_at INTEGER NOT NULL," \
	"	issued_at INTEGER NOT NULL," \
	"	revoked_at INTEGER NOT NULL DEFAULT 0," \
	"	window_start_at INTEGER NOT NULL DEFAULT 0," \
	"	window_end_at INTEGER NOT NULL DEFAULT 0," \
	"	window_chosen_at INTEGER NOT NULL DEFAULT 0," \
	"	window_retry_at INTEGER NOT NULL DEFAULT 0," \
	"	window_url TEXT NOT NULL DEFAULT ''" \
	") STRICT;" \
	\
	"CREATE TABLE apps (" \
	"	app TEXT NOT NULL PRIMARY KEY," \
	"	leaf TEXT REFERENCES certs," \
	"	installed_at INTEGER NOT NULL DEFAULT 0," \
	"	unserved_at INTEGER NOT NULL DEFAULT 0," \
	"	unserved_reason TEXT NOT NULL DEFAULT ''," \
	"	held_back_at INTEGER NOT NULL DEFAULT 0," \
	"	held_back_reason TEXT NOT NULL DEFAULT ''," \
	"	failed_at INTEGER NOT NULL DEFAULT 0," \
	"	failed_reason TEXT NOT NULL DEFAULT ''" \
	") STRICT, WITHOUT ROWID;" \
	\
	/* An id is also the name of a folder with a key: it must never come back, also when the file was lost and is made anew. */ \
	"CREATE TABLE orders (" \
	"	id INTEGER PRIMARY KEY AUTOINCREMENT," \
	"	state TEXT NOT NULL CHECK (state IN ('intended', 'placed', 'finalizing', 'issued', 'installed', 'dead'))," \
	"	app TEXT NOT NULL," \
	"	names TEXT NOT NULL," \
	"	server TEXT NOT NULL," \
	"	account_url TEXT NOT NULL," \
	"	profile TEXT NOT NULL," \
	"	key_type TEXT NOT NULL," \
	"	replaces TEXT NOT NULL," \
	"	url TEXT NOT NULL DEFAULT ''," \
	"	expires_at INTEGER NOT NULL DEFAULT 0," \
	"	intended_at INTEGER NOT NULL," \
	"	sent_count INTEGER NOT NULL DEFAULT 0," \
	"	leaf TEXT REFERENCES certs," \
	"	host TEXT NOT NULL REFERENCES hosts," \
	"	lease_until INTEGER NOT NULL," \
	"	dead_reason TEXT NOT NULL DEFAULT ''" \
	") STRICT;" \
	"INSERT INTO sqlite_sequence (name, seq) VALUES ('orders', unixepoch());" \
	"CREATE UNIQUE INDEX orders_under_way ON orders (names, server, account_url, profile, key_type, replaces)" \
	"	WHERE state IN ('intended', 'placed', 'finalizing');" \
	"CREATE INDEX orders_open ON orders (id) WHERE state IN ('intended', 'placed', 'finalizing', 'issued');" \
	\
	"CREATE TABLE validations (" \
	"	server TEXT NOT NULL," \
	"	name TEXT NOT NULL," \
	"	failed_at INTEGER NOT NULL," \
	"	PRIMARY KEY (server, name)" \
	") STRICT, WITHOUT ROWID;" \
	\
	"CREATE TABLE jobs (" \
	"	id INTEGER PRIMARY KEY AUTOINCREMENT," \
	"	state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed'))," \
	"	app TEXT NOT NULL," \
	"	reason TEXT NOT NULL," \
	"	is_forced INTEGER NOT NULL CHECK (is_forced IN (0, 1))," \
	"	queued_at INTEGER NOT NULL," \
	"	not_before_at INTEGER NOT NULL," \
	"	ended_at INTEGER NOT NULL DEFAULT 0," \
	"	exit_status INTEGER NOT NULL DEFAULT 0," \
	"	host TEXT REFERENCES hosts," \
	"	lease_until INTEGER NOT NULL DEFAULT 0" \
	") STRICT;" \
	"CREATE INDEX jobs_open ON jobs (id) WHERE state IN ('waiting', 'running');" \
	\
	"CREATE TABLE events (" \
	"	id INTEGER PRIMARY KEY AUTOINCREMENT," \
	"	at INTEGER NOT NULL," \
	"	app TEXT NOT NULL," \
	"	cause TEXT NOT NULL," \
	"	decision TEXT NOT NULL," \
	"	result TEXT NOT NULL," \
	"	next_step TEXT NOT NULL" \
	") STRICT;" \
	"CREATE INDEX events_of_app ON events (app, id);" \
	\
	"CREATE TABLE directories (" \
	"	url TEXT NOT NULL PRIMARY KEY," \
	"	content TEXT NOT NULL," \
	"	fetched_at INTEGER NOT NULL" \
	") STRICT;" \
	\
	"CREATE TABLE marks (" \
	"	name TEXT NOT NULL PRIMARY KEY," \
	"	at INTEGER NOT NULL" \
	") STRICT, WITHOUT ROWID;"

/*
 * The book of the budget. A limit is written by its name (budget/limits), and a bucket that is not there is full. What the open
 * orders have reserved is kept with the bucket's key and rate of that time, so that settling computes neither anew; units 0 = only remembered.
 */
#define VERSION_2 \
	"CREATE TABLE buckets (" \
	"	ca TEXT NOT NULL," \
	"	limit_name TEXT NOT NULL," \
	"	bucket TEXT NOT NULL," \
	"	tat_ns INTEGER NOT NULL," \
	"	PRIMARY KEY (ca, limit_name, bucket)" \
	") STRICT, WITHOUT ROWID;" \
	\
	"CREATE TABLE sets (" \
	"	ca TEXT NOT NULL," \
	"	hash TEXT NOT NULL," \
	"	not_before_ns INTEGER NOT NULL," \
	"	PRIMARY KEY (ca, hash)" \
	") STRICT, WITHOUT ROWID;" \
	\
	"CREATE TABLE pauses (" \
	"	ca TEXT NOT NULL," \
	"	account TEXT NOT NULL," \
	"	name TEXT NOT NULL," \
	"	is_paused INTEGER NOT NULL CHECK (is_paused IN (0, 1))," \
	"	unpaused_at_ns INTEGER NOT NULL," \
	"	PRIMARY KEY (ca, account, name)" \
	") STRICT, WITHOUT ROWID;" \
	\
	"CREATE TABLE refusals (" \
	"	ca TEXT NOT NULL," \
	"	account TEXT NOT NULL," \
	"	name TEXT NOT NULL," \
	"	until_ns INTEGER NOT NULL," \
	"	link TEXT NOT NULL," \
	"	why TEXT NOT NULL," \
	"	PRIMARY KEY (ca, account, name)" \
	") STRICT, WITHOUT ROWID;" \
	\
	"CREATE TABLE learned (" \
	"	ca TEXT NOT NULL," \
	"	limit_name TEXT NOT NULL," \
	"	id TEXT NOT NULL," \
	"	burst INTEGER NOT NULL," \
	"	period_ns INTEGER NOT NULL," \
	"	PRIMARY KEY (ca, limit_name, id)" \
	") STRICT, WITHOUT ROWID;" \
	\
	/* Certificates that the buckets know. */ \
	"CREATE TABLE booked (" \
	"	ca TEXT NOT NULL," \
	"	leaf TEXT NOT NULL," \
	"	issued_ns INTEGER NOT NULL," \
	"	PRIMARY KEY (ca, leaf)" \
	") STRICT, WITHOUT ROWID;" \
	\
	"CREATE TABLE admissions (" \
	"	order_id INTEGER PRIMARY KEY REFERENCES orders," \
	"	ca TEXT NOT NULL," \
	"	account TEXT NOT NULL," \
	"	rule TEXT NOT NULL CHECK (rule IN ('new', 'renewal', 'ari'))" \
	") STRICT;" \
	\
	"CREATE TABLE reservations (" \
	"	order_id INTEGER NOT NULL REFERENCES admissions ON DELETE CASCADE," \
	"	ca TEXT NOT NULL," \
	"	limit_name TEXT NOT NULL," \
	"	bucket TEXT NOT NULL," \
	"	units INTEGER NOT NULL CHECK (units IN (0, 1))," \
	"	interval_ns INTEGER NOT NULL," \
	"	capacity_ns INTEGER NOT NULL," \
	"	PRIMARY KEY (order_id, limit_name, bucket)" \
	") STRICT, WITHOUT ROWID;" \
	"CREATE INDEX reservations_of_bucket ON reservations (ca, limit_name, bucket, units);" \
	\
	"CREATE TABLE applied (" \
	"	ca TEXT NOT NULL PRIMARY KEY," \
	"	operations INTEGER NOT NULL" \
	") STRICT, WITHOUT ROWID;"

/*
 * Requests that ask for budget, a row an app; who ordered what is booked. The ids of orders go on in milliseconds: those of a file that was lost may have been ahead
 * of the seconds.
 */
#define VERSION_3 \
	"CREATE TABLE waits (" \
	"	app TEXT NOT NULL PRIMARY KEY," \
	"	names TEXT NOT NULL," \
	"	server TEXT NOT NULL," \
	"	account_url TEXT NOT NULL," \
	"	profile TEXT NOT NULL," \
	"	key_type TEXT NOT NULL," \
	"	replaces TEXT NOT NULL," \
	"	is_by_graceperiod INTEGER NOT NULL CHECK (is_by_graceperiod IN (0, 1))," \
	"	reason TEXT NOT NULL," \
	"	is_forced INTEGER NOT NULL CHECK (is_forced IN (0, 1))," \
	"	urgency INTEGER NOT NULL," \
	"	since_at INTEGER NOT NULL," \
	"	seen_at INTEGER NOT NULL," \
	"	until_at INTEGER NOT NULL," \
	"	limit_name TEXT NOT NULL," \
	"	bucket TEXT NOT NULL," \
	"	message TEXT NOT NULL," \
	"	place INTEGER NOT NULL" \
	") STRICT, WITHOUT ROWID;" \
	\
	/* The rule of the admission; '' for both: found on disk. */ \
	"ALTER TABLE booked ADD COLUMN app TEXT NOT NULL DEFAULT '';" \
	"ALTER TABLE booked ADD COLUMN rule TEXT NOT NULL DEFAULT '';" \
	"UPDATE booked SET app = orders.app FROM orders WHERE orders.leaf = booked.leaf;" \
	\
	"UPDATE sqlite_sequence SET seq = max(seq, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)) WHERE name = 'orders';"

/* Certificates by each name that is in them; failed validations since the last success, one by one, as far as they count. */
#define VERSION_4 \
	"CREATE TABLE cert_names (" \
	"	name TEXT NOT NULL," \
	"	leaf TEXT NOT NULL REFERENCES certs," \
	"	PRIMARY KEY (name, leaf)" \
	") STRICT, WITHOUT ROWID;" \
	"INSERT INTO cert_names WITH RECURSIVE split (leaf, name, rest) AS (" \
	"	SELECT leaf, '', names || ' ' FROM certs" \
	"	UNION SELECT leaf, substr(rest, 1, instr(rest, ' ') - 1), substr(rest, instr(rest, ' ') + 1) FROM split WHERE rest <> ''" \
	") SELECT DISTINCT name, leaf FROM split WHERE name <> '';" \
	"CREATE INDEX apps_by_leaf ON apps (leaf) WHERE leaf IS NOT NULL;" \
	\
	"CREATE TABLE failures (" \
	"	server TEXT NOT NULL," \
	"	name TEXT NOT NULL," \
	"	order_id INTEGER NOT NULL," \
	"	at INTEGER NOT NULL," \
	"	PRIMARY KEY (server, name, order_id)" \
	") STRICT, WITHOUT ROWID;" \
	"ALTER TABLE validations ADD COLUMN is_daily INTEGER NOT NULL DEFAULT 0 CHECK (is_daily IN (0, 1));"

/* Which trouble of an app the operator was told of last, "" = none. */
#define VERSION_5 \
	"ALTER TABLE apps ADD COLUMN notice TEXT NOT NULL DEFAULT '';"

/* The id of a job is also the name of the file with what was said of it: it must not come back either. */
#define VERSION_6 \
	"INSERT INTO sqlite_sequence (name, seq) SELECT 'jobs', 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'jobs');" \
	"UPDATE sqlite_sequence SET seq = max(seq, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)) WHERE name = 'jobs';"

const char *const schema_migrations[] = { VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6 };
const size_t schema_migration_count = COUNT(schema_migrations);
