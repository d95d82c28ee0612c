/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include <fcntl.h>

#include "budget/domain.h"
#include "flow/adopt.h"
#include "flow/budget.h"
#include "flow/found.h"
#include "flow/history.h"

#define SERVER "https://ca.example/directory"
#define OTHER_SERVER "https://ca.example/another" /* of the same CA */
#define STAGING "https://staging.example/directory"
#define ORGANIZATION "Example CA"
#define STAGING_ORGANIZATION "(STAGING) Example CA"
#define DAY ((int64_t)86400)
#define GLOBAL "lib/data/letsencrypt/--global/"
#define DO(call) do { if (!(call)) fail_msg("%s: %s", #call, rig->desk->err.text); } while (0)

/* Two CAs, a host, and the budget of the first. */
struct rig {
	struct desk *desk;
	struct suffixes *suffixes;
	struct budget budget;
	int64_t now_at;
	long serial;
};

static void write_limits(struct desk *desk, const char *file, const char *name, const char *servers, const char *organization)
{
	AUTO_FREE char *path = mem_fmt("templates/limits/%s", file);
	AUTO_FREE char *text = mem_fmt("{\"name\":\"%s\",\"directories\":[%s],\"issuers\":[\"%s\"],\"limits\":["
		"{\"limit\":\"CertificatesPerDomain\",\"count\":50,\"burst\":50,\"period\":\"7d\",\"source\":\"https://ca.example/\",\"date\":\"2026-01-02\"},"
		"{\"limit\":\"CertificatesPerFQDNSet\",\"count\":5,\"burst\":5,\"period\":\"7d\",\"source\":\"https://ca.example/\",\"date\":\"2026-01-02\"}]}",
		name, servers, organization);

	folder_write(&desk->tree->folder, path, text, 0644);
}

static int set_up(void **state)
{
	static const char list[] = "com\norg\n";
	struct rig *rig = mem_new(1, sizeof(*rig));
	void *desk;
	bool is_found = false;

	(void)desk_setup(&desk);
	rig->desk = desk;
	rig->now_at = clock_now(&rig->desk->context.clock);
	write_limits(rig->desk, "one.json", "Example", "\"" SERVER "\",\"" OTHER_SERVER "\"", ORGANIZATION);
	write_limits(rig->desk, "two.json", "Example (staging)", "\"" STAGING "\"", STAGING_ORGANIZATION);
	free(rig->desk->context.templates);
	rig->desk->context.templates = folder_path(&rig->desk->tree->folder, "templates");
	DO((rig->suffixes = suffixes_read(list, strlen(list), &rig->desk->err)) != NULL);
	rig->budget = (struct budget){ .context = &rig->desk->context, .server = mem_strdup(SERVER), .ca = mem_strdup("Example"), .has_limits = true };
	DO(rules_limits(&rig->desk->context, SERVER, &is_found, &rig->budget.limits, &rig->desk->err));
	assert_true(is_found);
	rig->budget.book.store = context_store(&rig->desk->context, &rig->desk->err);
	rig->budget.book.ca = rig->budget.ca;
	rig->budget.book.rules = (struct charge_rules){ &rig->budget.limits, rig->suffixes };
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;
	void *desk = rig->desk;

	suffixes_free(rig->suffixes);
	limits_done(&rig->budget.limits);
	free(rig->budget.server);
	free(rig->budget.ca);
	free(rig);
	return desk_teardown(&desk);
}

#define RIG_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

/* ---- certificates and where they lie ---- */

/* Issued so long ago by the organization, for 90 days; the caller frees it. */
static char *make(struct rig *rig, const char *name, const char *organization, int64_t age_s)
{
	int64_t from_at = rig->now_at - age_s;

	return pem_make(&(struct pem_wish){ .serial = ++rig->serial, .name = name, .organization = organization, .from_at = from_at, .until_at = from_at + 90 * DAY });
}

static void put(struct rig *rig, const char *path, const char *pem)
{
	folder_write(&rig->desk->tree->folder, path, pem, 0640);
}

static void put_new(struct rig *rig, const char *path, const char *name, const char *organization, int64_t age_s)
{
	AUTO_FREE char *pem = make(rig, name, organization, age_s);

	put(rig, path, pem);
}

static void add_row(struct rig *rig, const char *pem, const char *server, int64_t issued_at)
{
	char empty[] = "";
	AUTO(cert_done) struct cert cert = { 0 };
	AUTO_FREE char *url = mem_strdup(server);

	DO(cert_read(pem, &cert, &rig->desk->err));
	const struct store_cert row = {
		.leaf = cert.leaf_sha256, .server = url, .account_url = empty, .profile = empty, .key_type = empty, .names = cert.names, .issuer = cert.issuer,
		.ari_id = empty, .window_url = empty, .not_before_at = cert.not_before_at, .not_after_at = cert.not_after_at, .issued_at = issued_at,
	};
	DO(store_cert_put(rig->budget.book.store, &row, &rig->desk->err));
}

static void add_own(struct rig *rig, const char *pem)
{
	char leaf[65];

	DO(cert_leaf_sha256(pem, leaf, &rig->desk->err));
	AUTO_FREE char *path = mem_fmt(GLOBAL "certs/%s/fullchain.pem", leaf);
	put(rig, path, pem);
}

/* As certbot has it, and as `install` hands it over. */
static void add_certbot(struct rig *rig, const char *pem)
{
	AUTO_FREE char *folder = folder_path(&rig->desk->tree->folder, "certbot");

	put(rig, "certbot/archive/x/cert1.pem", pem);
	DO(found_write(&rig->desk->context, folder, &rig->desk->err));
}

/* ---- what the book says ---- */

static void assert_adopted(struct rig *rig, bool is_rebuild, size_t expected)
{
	size_t count = SIZE_MAX;

	DO(adopt_certificates(&rig->budget, is_rebuild, &count, &rig->desk->err));
	assert_int_equal(count, expected);
}

/* "example.com 40, …": what is not full, by the moment at which it will be, in seconds from now. */
static char *stand(struct rig *rig, const struct book *book, enum limit limit)
{
	AUTO(book_buckets_done) struct book_buckets buckets = { 0 };
	AUTO_BUF text = BUF_MAX(10000);

	DO(book_list(book, NULL, NULL, 1, &buckets, &rig->desk->err));
	for (size_t i = 0; i < buckets.count; i++) {
		const struct book_bucket *bucket = &buckets.items[i];

		if (bucket->limit == limit)
			(void)buf_addf(&text, "%s%s %lld", text.size > 0 ? ", " : "", bucket->bucket, (long long)(bucket->full_at_ns / NS_PER_S - rig->now_at));
	}
	return buf_take(&text);
}

static void assert_domains(struct rig *rig, const char *expected)
{
	AUTO_FREE char *text = stand(rig, &rig->budget.book, LIMIT_DOMAIN);

	assert_string_equal(text, expected);
}

/* In which one unit of a registered domain comes back, less the age of an hour that notBefore has at issuance: "example.com UNIT" is one that was issued now. */
#define UNIT 12096

static void each_place_is_read_and_each_certificate_counts_once(void **state)
{
	struct rig *rig = *state;
	AUTO_FREE char *known = make(rig, "a.known.com", ORGANIZATION, 3600);
	AUTO_FREE char *own = make(rig, "a.own.com", ORGANIZATION, 3600);
	AUTO_FREE char *served = make(rig, "a.served.com", ORGANIZATION, 3600);
	AUTO_FREE char *old = make(rig, "a.old.com", ORGANIZATION, 3600);
	AUTO_FREE char *certbot = make(rig, "a.certbot.com", ORGANIZATION, 3600);

	add_row(rig, known, SERVER, rig->now_at);
	add_own(rig, known);
	add_own(rig, own);
	put(rig, "home/blog/tls/server.crt", served);
	put(rig, "home/blog/letsencrypt/certs/1234/certificates/served.crt", served);
	put(rig, "home/blog/letsencrypt/certs/1234/certificates/a.old.com.crt", old);
	put(rig, "home/shop/tls/server.crt", old);
	put_new(rig, "home/shop/letsencrypt/certs/5678/archives/1700000000.a.revoked.com.crt", "a.revoked.com", ORGANIZATION, 3600);
	add_certbot(rig, certbot);
	/* None of these is a leaf of this host. */
	put_new(rig, "home/shop/letsencrypt/certs/5678/certificates/a.old.com.issuer.crt", "issuer.com", ORGANIZATION, 3600);
	put_new(rig, "home/shop/tls/server.letsencrypt.crt", "copy.com", ORGANIZATION, 3600);
	assert_adopted(rig, false, 6);
	assert_domains(rig, "certbot.com 12096, known.com 12096, old.com 12096, own.com 12096, revoked.com 12096, served.com 12096");
	assert_adopted(rig, false, 6);
	assert_domains(rig, "certbot.com 12096, known.com 12096, old.com 12096, own.com 12096, revoked.com 12096, served.com 12096");
	assert_int_equal(rig->desk->said.count, 0);
}

static void two_under_a_domain_are_two_units_and_two_of_a_set_one(void **state)
{
	struct rig *rig = *state;

	put_new(rig, "home/blog/tls/server.crt", "a.example.com", ORGANIZATION, 3600);
	put_new(rig, "home/shop/tls/server.crt", "b.example.com", ORGANIZATION, 3600);
	put_new(rig, "home/third/tls/server.crt", "b.example.com", ORGANIZATION, 3600);
	assert_adopted(rig, false, 3);
	assert_domains(rig, "example.com 24192");
}

static void moment_is_the_known_one_else_the_latest_sct_else_an_hour_after_not_before(void **state)
{
	struct rig *rig = *state;
	int64_t from_at = rig->now_at - 10 * DAY;
	AUTO_FREE char *known = make(rig, "a.known.com", ORGANIZATION, 10 * DAY);
	AUTO_FREE char *absurd = make(rig, "a.absurd.com", ORGANIZATION, 10 * DAY);
	AUTO_FREE char *logged = pem_make(&(struct pem_wish){ .serial = 50, .name = "a.logged.com", .organization = ORGANIZATION, .from_at = from_at,
		.until_at = rig->now_at, .sct_ms = (from_at + 3000) * 1000 + 999 });
	AUTO_FREE char *future = pem_make(&(struct pem_wish){ .serial = 51, .name = "a.future.com", .organization = ORGANIZATION, .from_at = from_at,
		.until_at = rig->now_at, .sct_ms = INT64_MAX });
	AUTO_FREE char *handed = pem_make(&(struct pem_wish){ .serial = 52, .name = "a.handed.com", .organization = ORGANIZATION, .from_at = from_at,
		.until_at = rig->now_at, .sct_ms = (from_at + 2000) * 1000 });

	add_row(rig, known, SERVER, from_at + 77);
	add_row(rig, absurd, SERVER, INT64_MAX / 10);
	add_own(rig, logged);
	add_own(rig, future);
	add_certbot(rig, handed);
	assert_adopted(rig, false, 5);
	/* Ten days are 864000 seconds. */
	assert_domains(rig, "absurd.com -848304, future.com -848304, handed.com -849844, known.com -851827, logged.com -848844");
}

static void they_go_to_whoever_issued_them(void **state)
{
	struct rig *rig = *state;
	AUTO_FREE char *by_server = make(rig, "a.here.com", NULL, 3600);
	AUTO_FREE char *elsewhere = make(rig, "a.elsewhere.com", ORGANIZATION, 3600);
	AUTO_FREE char *unknown = make(rig, "a.unknown.com", ORGANIZATION, 3600);

	/* The server is believed more than the issuer; a row without one says nothing. */
	add_row(rig, by_server, OTHER_SERVER, 0);
	add_row(rig, elsewhere, STAGING, 0);
	add_own(rig, elsewhere);
	add_row(rig, unknown, "", 0);
	add_own(rig, unknown);
	put_new(rig, "home/blog/tls/server.crt", "a.staging.com", STAGING_ORGANIZATION, 3600);
	put_new(rig, "home/shop/tls/server.crt", "a.other.com", "Other CA", 3600);
	put_new(rig, "home/third/tls/server.crt", "a.nobody.com", NULL, 3600);
	assert_adopted(rig, false, 2);
	assert_domains(rig, "here.com 12096, unknown.com 12096");
}

/* Expired ones are remembered as sets; what is older than any limit is not even that. */
static void old_ones_count_as_long_as_they_matter(void **state)
{
	struct rig *rig = *state;

	put_new(rig, "home/blog/tls/server.crt", "a.old.com", ORGANIZATION, 399 * DAY);
	put_new(rig, "home/shop/tls/server.crt", "a.older.com", ORGANIZATION, 401 * DAY);
	put_new(rig, "home/third/tls/server.crt", "a.tomorrow.com", ORGANIZATION, -401 * DAY);
	assert_adopted(rig, false, 1);
	AUTO_FREE char *path = folder_path(&rig->desk->tree->folder, "home/blog/tls/server.crt");
	const struct timespec times[2] = { { .tv_sec = rig->now_at - 401 * DAY }, { .tv_sec = rig->now_at - 401 * DAY } };
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	assert_adopted(rig, true, 0);
}

static void what_cannot_be_read_is_skipped(void **state)
{
	struct rig *rig = *state;
	AUTO_FREE char *link = folder_path(&rig->desk->tree->folder, "home/blog/tls/server.crt");
	AUTO_FREE char *pipe_path = folder_path(&rig->desk->tree->folder, "home/pipe/tls/server.crt");
	AUTO_FREE char *good = make(rig, "a.good.com", ORGANIZATION, 3600);
	static const char *const broken[] = {
		"", "{", "{}", "[]", "{\"certificates\":[{}]}", "{\"certificates\":[{\"leaf\":\"a\",\"names\":[\"b.com\"]}]}",
		"{\"certificates\":[{\"leaf\":\"a\",\"names\":[\"b.com\"],\"issuer-organization\":\"" ORGANIZATION "\",\"not-before\":-9223372036854775808,\"sct\":0}]}",
	};

	put(rig, "home/shop/tls/server.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	put(rig, "home/third/tls/server.crt", "");
	put(rig, "home/fourth/tls", "not a folder");
	put(rig, "home/fifth/letsencrypt/certs/1/certificates/a.crt", "nonsense");
	put(rig, "home/good/tls/server.crt", good);
	folder_make(&rig->desk->tree->folder, "home/blog/tls");
	folder_make(&rig->desk->tree->folder, "home/pipe/tls");
	assert_int_equal(symlink("nowhere", link), 0);
	assert_int_equal(mkfifo(pipe_path, 0600), 0);
	for (size_t i = 0; i < COUNT(broken); i++) {
		put(rig, GLOBAL "found.json", broken[i]);
		assert_adopted(rig, false, 1);
	}
	assert_domains(rig, "good.com 12096");
}

static void rebuilding_twice_gives_the_same(void **state)
{
	struct rig *rig = *state;
	AUTO_FREE char *lost = make(rig, "a.lost.com", ORGANIZATION, 3600);

	put(rig, "home/blog/tls/server.crt", lost);
	put_new(rig, "home/shop/tls/server.crt", "a.example.com", ORGANIZATION, 3600);
	put_new(rig, "home/third/tls/server.crt", "b.example.com", ORGANIZATION, 2 * DAY);
	assert_adopted(rig, false, 3);
	assert_domains(rig, "example.com 12096, lost.com 12096");
	put_new(rig, "home/blog/tls/server.crt", "a.new.com", ORGANIZATION, 3600);
	for (int i = 0; i < 2; i++) {
		assert_adopted(rig, true, 3);
		assert_domains(rig, "example.com 12096, new.com 12096");
	}
	/* Without it what the book knows stays. */
	put(rig, "home/blog/tls/server.crt", "gone");
	assert_adopted(rig, false, 2);
	assert_domains(rig, "example.com 12096, new.com 12096");
}

/* What a worker got while the places were read has a row. */
static void a_row_that_comes_later_is_caught_up_with(void **state)
{
	struct rig *rig = *state;
	AUTO(history_done) struct history history = { 0 };
	AUTO_FREE char *early = make(rig, "a.early.com", NULL, 3600);
	AUTO_FREE char *late = make(rig, "a.late.com", NULL, 3600);

	add_row(rig, early, SERVER, 0);
	DO(history_read(&rig->desk->context, &history, &rig->desk->err));
	assert_int_equal(history.count, 1);
	add_row(rig, late, SERVER, 0);
	DO(history_catch_up(&history, &rig->desk->err));
	assert_int_equal(history.count, 2);
}

static void every_ca_gets_its_own(void **state)
{
	struct rig *rig = *state;
	AUTO_FREE char *elsewhere = make(rig, "a.elsewhere.com", NULL, 3600);
	size_t count = 0;

	folder_write(&rig->desk->tree->folder, "lib/config/letsencrypt/--global/server", "https://third.example/directory", 0600);
	add_row(rig, elsewhere, "https://fourth.example/directory", 0);
	put_new(rig, "home/blog/tls/server.crt", "a.example.com", ORGANIZATION, 3600);
	put_new(rig, "home/shop/tls/server.crt", "a.example.com", STAGING_ORGANIZATION, 3600);
	put_new(rig, "home/third/tls/server.crt", "b.example.com", STAGING_ORGANIZATION, 3600);
	for (int i = 0; i < 2; i++) {
		DO(adopt_all(&rig->desk->context, true, &count, &rig->desk->err));
		/* With the one that only the store knows, of a CA without limits. */
		assert_int_equal(count, 4);
		assert_domains(rig, "example.com 12096");
		struct budget *staging = budget_open(&rig->desk->context, STAGING, &rig->desk->err);
		assert_non_null(staging);
		AUTO_FREE char *text = stand(rig, &staging->book, LIMIT_DOMAIN);
		assert_string_equal(text, "example.com 24192");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(each_place_is_read_and_each_certificate_counts_once),
		RIG_TEST(two_under_a_domain_are_two_units_and_two_of_a_set_one),
		RIG_TEST(moment_is_the_known_one_else_the_latest_sct_else_an_hour_after_not_before),
		RIG_TEST(they_go_to_whoever_issued_them),
		RIG_TEST(old_ones_count_as_long_as_they_matter),
		RIG_TEST(what_cannot_be_read_is_skipped),
		RIG_TEST(rebuilding_twice_gives_the_same),
		RIG_TEST(a_row_that_comes_later_is_caught_up_with),
		RIG_TEST(every_ca_gets_its_own),
	};

	return cmocka_run_group_tests_name("flow/adopt", tests, NULL, NULL);
}
