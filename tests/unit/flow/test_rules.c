/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include "flow/rules.h"

#define CONFIG "lib/config/letsencrypt/--global/"
#define PRODUCTION "https://acme-v02.api.letsencrypt.org/directory"
#define STAGING "https://acme-staging-v02.api.letsencrypt.org/directory"
#define CA_FILE \
	"{\n\"name\": \"My CA\",\n\"directories\": [\"https://ca.test/dir\"],\n\"issuers\": [\"My Company\"],\n\"limits\": [\n" \
	"{\"limit\": \"NewOrdersPerAccount\", \"count\": 7, \"burst\": 7, \"period\": \"1h\", \"source\": \"https://ca.test/\", \"date\": \"2026-08-05\"}]\n}\n"

static void set(const struct desk *desk, const char *key, const char *value)
{
	AUTO_FREE char *name = mem_fmt(CONFIG "%s", key);

	folder_write(&desk->tree->folder, name, value, 0600);
}

static void unset(const struct desk *desk, const char *key)
{
	AUTO_FREE char *name = mem_fmt(CONFIG "%s", key);
	AUTO_FREE char *path = folder_path(&desk->tree->folder, name);

	assert_int_equal(unlink(path), 0);
}

/* Where the templates of this tree are, wherever the test lies. */
static void use_templates(struct desk *desk, const char *folder)
{
	free(desk->context.templates);
	desk->context.templates = mem_strdup(folder);
}

static void assert_refused(const struct desk *desk, const char *why, const char *what_next)
{
	assert_int_equal(desk->err.kind, ERR_CONFIG);
	if (!strstr(desk->err.text, why) || !strstr(desk->err.text, what_next))
		fail_msg("%s", desk->err.text);
}

/* ---- groups ---- */

static void assert_group(const struct rules *rules, const char *app, const char *name)
{
	const struct group *group = rules_group(rules, app);

	if (!name)
		assert_null(group);
	else if (!group || strcmp(group->name, name) != 0)
		fail_msg("%s is in %s", app, group ? group->name : "none");
}

static void groups_are_found(void **state)
{
	AUTO(rules_done) struct rules rules = { 0 };
	struct desk *desk = *state;

	set(desk, "group-bots", "pr-*, review-?\n");
	set(desk, "group-all-others", "pr-5 shop");
	set(desk, "group-empty", "");
	set(desk, "group-Odd", "*");
	set(desk, "share-bots", "25%");
	set(desk, "share-shop", "2");
	set(desk, "share-blog", " 3 ");
	set(desk, "share-web", "");
	assert_true(rules_read(&desk->context, &rules, &desk->err));
	AUTO_STRS names = { 0 };
	for (size_t i = 0; i < rules.group_count; i++)
		strs_add(&names, rules.groups[i].name);
	assert_words(&names, "all-others blog bots shop");
	assert_group(&rules, "pr-1", "bots");
	assert_group(&rules, "pr-5", "all-others");
	assert_group(&rules, "review-a", "bots");
	assert_group(&rules, "review-ab", NULL);
	assert_group(&rules, "shop", "all-others");
	assert_group(&rules, "blog", "blog");
	assert_group(&rules, "web", NULL);
	assert_group(&rules, "empty", NULL);
	assert_group(&rules, "bots", NULL);
	const struct group *bots = rules_group(&rules, "pr-1");
	assert_true(bots->has_share && bots->is_percent && bots->units == 25);
	assert_false(rules_group(&rules, "shop")->has_share);
	const struct group *blog = rules_group(&rules, "blog");
	assert_true(blog->has_share && !blog->is_percent && blog->units == 3);
	assert_int_equal(rules.reserve, -1);
}

static void nothing_is_set(void **state)
{
	AUTO(rules_done) struct rules rules = { 0 };
	struct desk *desk = *state;

	assert_true(rules_read(&desk->context, &rules, &desk->err));
	assert_group(&rules, "blog", NULL);
	assert_int_equal(rules.reserve, -1);
	assert_null(rules.suffixes);
}

static void values_that_make_no_sense(void **state)
{
	static const struct {
		const char *key, *value, *why;
	} cases[] = {
		{ "group-bots", "PR-*", "'PR-*' has a character" }, { "share-bots", "lots", "'lots' is no such share" },
		{ "share-blog", "120%", "'120%' is no such share" }, { "reserve", "five", "'five' is no such number" },
	};
	struct desk *desk = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		AUTO(rules_done) struct rules rules = { 0 };
		AUTO_FREE char *next = mem_fmt("property %s: ", cases[i].key);
		AUTO_FREE char *command = mem_fmt("dokku letsencrypt:set --global %s ", cases[i].key);

		set(desk, cases[i].key, cases[i].value);
		assert_false(rules_read(&desk->context, &rules, &desk->err));
		assert_refused(desk, cases[i].why, next);
		assert_refused(desk, cases[i].why, command);
		unset(desk, cases[i].key);
	}
	AUTO(rules_done) struct rules rules = { 0 };
	set(desk, "reserve", "0");
	assert_true(rules_read(&desk->context, &rules, &desk->err));
	assert_int_equal(rules.reserve, 0);
}

/* ---- limits ---- */

/* name NULL: none are found. */
static void assert_limits(struct desk *desk, const char *server, const char *name)
{
	AUTO_LIMITS limits = { 0 };
	bool is_found = !name;

	if (!rules_limits(&desk->context, server, &is_found, &limits, &desk->err))
		fail_msg("%s: %s", server, desk->err.text);
	if (is_found != (name != NULL) || (name && strcmp(limits.name, name) != 0))
		fail_msg("%s: %s", server, is_found ? limits.name : "none");
}

static char *write_ca(const struct desk *desk, const char *text)
{
	folder_write(&desk->tree->folder, "etc/ca.json", text, 0644);
	return folder_path(&desk->tree->folder, "etc/ca.json");
}

static void limits_of_servers(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *path = write_ca(desk, CA_FILE);
	AUTO_FREE char *for_one = mem_fmt("ca.test=%s staging=letsencrypt", path);
	AUTO_FREE char *for_others = mem_fmt("%s tested.test=none", path);
	AUTO_FREE char *for_production = mem_fmt("default=%s", path);

	use_templates(desk, "templates");
	assert_limits(desk, PRODUCTION, "Let's Encrypt");
	assert_limits(desk, STAGING, "Let's Encrypt (staging)");
	assert_limits(desk, "https://ca.test/dir", NULL);
	set(desk, "limits", for_one);
	assert_limits(desk, "https://ca.test:14000/dir", "My CA");
	assert_limits(desk, "https://other.test/dir", NULL);
	assert_limits(desk, PRODUCTION, "Let's Encrypt");
	assert_limits(desk, STAGING, "Let's Encrypt");
	set(desk, "limits", for_others);
	assert_limits(desk, "https://other.test/dir", "My CA");
	assert_limits(desk, "https://tested.test/dir", NULL);
	assert_limits(desk, PRODUCTION, "Let's Encrypt");
	set(desk, "limits", for_production);
	assert_limits(desk, PRODUCTION, "My CA");
	assert_limits(desk, STAGING, "Let's Encrypt (staging)");
	set(desk, "limits", "none ca.test=letsencrypt");
	assert_limits(desk, PRODUCTION, NULL);
	assert_limits(desk, STAGING, NULL);
	assert_limits(desk, "https://ca.test/dir", "Let's Encrypt");
}

static int64_t units(const struct limits *limits, enum limit limit, const char *id)
{
	const struct rate *rate = limits_rate(limits, limit, id);

	return rate ? rate->burst : -1;
}

static void properties_override_limits(void **state)
{
	struct desk *desk = *state;
	AUTO_LIMITS limits = { 0 };
	AUTO_LIMITS none = { 0 };
	bool is_found = false;

	use_templates(desk, "templates");
	set(desk, "limit-CertificatesPerDomain:example.com", "300/7d");
	set(desk, "limit-neworderSperaccount", "1500/3h\n");
	set(desk, "limit-NewOrdersPerAccount:7", "");
	set(desk, "limit-CertificatesPerDomainPerAccount:123", "20/7d");
	set(desk, "limit-NewRegistrationsPerIPv6Range:2602:80a:6000::", "3/1h");
	assert_true(rules_limits(&desk->context, PRODUCTION, &is_found, &limits, &desk->err) && is_found);
	assert_int_equal(units(&limits, LIMIT_DOMAIN, "example.com"), 300);
	assert_int_equal(units(&limits, LIMIT_DOMAIN, "example.org"), 50);
	assert_int_equal(units(&limits, LIMIT_ORDERS, "7"), 1500);
	assert_int_equal(units(&limits, LIMIT_DOMAIN_OF_ACCOUNT, "123"), 20);
	assert_int_equal(units(&limits, LIMIT_DOMAIN_OF_ACCOUNT, "124"), -1);
	assert_int_equal(units(&limits, LIMIT_ACCOUNTS_PER_RANGE, "2602:80a:6000::/48"), 3);
	assert_int_equal(units(&limits, LIMIT_SET, "abc"), 5);
	/* Where nothing is published there is nothing to override. */
	assert_true(rules_limits(&desk->context, "https://ca.test/dir", &is_found, &none, &desk->err));
	assert_false(is_found || none.override_count > 0 || none.is_limited[LIMIT_ORDERS]);
}

static void assert_no_limits(struct desk *desk, const char *why, const char *what_next)
{
	AUTO_LIMITS limits = { 0 };
	bool is_found = false;

	assert_false(rules_limits(&desk->context, PRODUCTION, &is_found, &limits, &desk->err));
	assert_refused(desk, why, what_next);
}

static void absurd_limits_are_refused(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *path = write_ca(desk, "{\n\"name\": \"My CA\",\n\"limits\": [\n{\"count\": 0}]}");
	AUTO_FREE char *value = mem_fmt("default=%s", path);

	use_templates(desk, "templates");
	set(desk, "limits", value);
	assert_no_limits(desk, "ca.json': line 4: 'count' is not between", "dokku letsencrypt:set --global limits");
	assert_no_limits(desk, "property limits", path);
	assert_false(rules_check_limits(&desk->context, "limits", value, &desk->err));
	assert_non_null(strstr(desk->err.text, "line 4: 'count'"));
	set(desk, "limits", "default=/nonexistent.json");
	assert_no_limits(desk, "'/nonexistent.json': No such file", "dokku letsencrypt:set --global limits");
	set(desk, "limits", "default=letsencrpyt");
	assert_no_limits(desk, "did you mean 'letsencrypt'?", "property limits");
	set(desk, "limits", "default=zzz");
	assert_no_limits(desk, "there are no limits 'zzz', only letsencrypt, letsencrypt-staging", "property limits");
	set(desk, "limits", "a=b=c");
	assert_no_limits(desk, "'b=c' is neither", "property limits");
	set(desk, "limits", "default=letsencrypt");
	set(desk, "limit-Frobnications", "1/1h");
	assert_no_limits(desk, "there is no limit 'Frobnications'", "/lib/config/letsencrypt/--global/limit-Frobnications' is a property that makes no sense");
	unset(desk, "limit-Frobnications");
	set(desk, "limit-NewOrdersPerAccount", "many");
	assert_no_limits(desk, "'many' has no '/'", "dokku letsencrypt:set --global limit-NewOrdersPerAccount 300/7d");
	/* Of no concern where nothing is published. */
	assert_limits(desk, "https://ca.test/dir", NULL);
}

static void broken_templates_are_refused(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *folder = folder_path(&desk->tree->folder, "templates");
	AUTO_LIMITS limits = { 0 };
	bool is_found = false;

	use_templates(desk, folder);
	assert_false(rules_limits(&desk->context, PRODUCTION, &is_found, &limits, &desk->err));
	assert_non_null(strstr(desk->err.text, "sudo dokku plugin:install"));
	folder_write(&desk->tree->folder, "templates/limits/README.md", "not a file of limits", 0644);
	folder_write(&desk->tree->folder, "templates/limits/a.json", CA_FILE, 0644);
	assert_limits(desk, "https://ca.test/dir", "My CA");
	assert_limits(desk, PRODUCTION, NULL);
	folder_write(&desk->tree->folder, "templates/limits/b.json", "{\n\n]", 0644);
	assert_no_limits(desk, "limits/b.json', which belongs to the plugin", "line 3");
}

static void assert_issuer(struct desk *desk, const char *issuer, const char *ca)
{
	AUTO_FREE char *found_ca = NULL;
	bool is_found = false;

	assert_true(rules_issuer(&desk->context, issuer, &is_found, &found_ca, &desk->err));
	assert_int_equal(is_found, ca != NULL);
	if (ca)
		assert_string_equal(found_ca, ca);
}

static void issuers_are_known(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *path = write_ca(desk, CA_FILE);

	use_templates(desk, "templates");
	assert_issuer(desk, "Let's Encrypt", "Let's Encrypt");
	assert_issuer(desk, "(STAGING) Let's Encrypt", "Let's Encrypt (staging)");
	assert_issuer(desk, "My Company", NULL);
	AUTO_FREE char *value = mem_fmt("a.test=none ca.test=%s", path);
	set(desk, "limits", value);
	assert_issuer(desk, "My Company", "My CA");
	assert_issuer(desk, "Let's Encrypt", "Let's Encrypt");
	AUTO_FREE char *broken = write_ca(desk, "{");
	AUTO_FREE char *found_ca = NULL;
	bool is_found = false;
	assert_false(rules_issuer(&desk->context, "x", &is_found, &found_ca, &desk->err));
	assert_refused(desk, "line 1", "property limits");
}

/* ---- public suffixes ---- */

static void suffixes_are_read_once(void **state)
{
	AUTO(rules_done) struct rules rules = { 0 };
	struct desk *desk = *state;

	set(desk, "public-suffix-list", "/nonexistent");
	assert_null(rules_suffixes(&rules, &desk->context, &desk->err));
	assert_refused(desk, "property public-suffix-list: '/nonexistent': No such file", "dokku letsencrypt:set --global public-suffix-list");
	folder_write(&desk->tree->folder, "etc/list", "// VERSION: 2199-01-01_00-00-00_UTC\ncom\norg\nown.com\n", 0644);
	AUTO_FREE char *path = folder_path(&desk->tree->folder, "etc/list");
	set(desk, "public-suffix-list", path);
	const struct suffixes *suffixes = rules_suffixes(&rules, &desk->context, &desk->err);
	assert_non_null(suffixes);
	AUTO_FREE char *domain = domain_registered(suffixes, "www.app.own.com");
	assert_string_equal(domain, "app.own.com");
	set(desk, "public-suffix-list", "/nonexistent");
	assert_ptr_equal(rules_suffixes(&rules, &desk->context, &desk->err), suffixes);
}

static void domains_of_overrides_are_registered_ones(void **state)
{
	struct desk *desk = *state;

	assert_true(rules_check_override(&desk->context, "limit-CertificatesPerDomain:example.com", "300/7d", &desk->err));
	assert_true(rules_check_override(&desk->context, "limit-CertificatesPerDomain:192.0.2.1", "300/7d", &desk->err));
	assert_true(rules_check_override(&desk->context, "limit-CertificatesPerDomain", "300/7d", &desk->err));
	assert_true(rules_check_override(&desk->context, "limit-CertificatesPerFQDNSet:www.example.com", "300/7d", &desk->err));
	assert_false(rules_check_override(&desk->context, "limit-CertificatesPerDomain:www.example.com", "300/7d", &desk->err));
	assert_refused(desk, "'www.example.com'", "limit-CertificatesPerDomain:example.com");
}

static int64_t test_now_at;

static int64_t test_now(void *ctx)
{
	(void)ctx;
	return test_now_at;
}

static size_t failures_told(struct desk *desk)
{
	AUTO(store_events_done) struct store_events events = { 0 };

	assert_true(store_event_list(context_store(&desk->context, &desk->err), NULL, 10, &events, &desk->err));
	if (events.count > 0)
		assert_non_null(strstr(events.items[0].result, "failed: "));
	return events.count;
}

static void a_failed_fetch_is_told_and_tried_again_in_a_day(void **state)
{
	struct desk *desk = *state;

	test_now_at = 1800000000;
	desk->context.clock = (struct clock){ .now_at = test_now };
	set(desk, "public-suffix-list", "none");
	rules_fetch_suffixes(&desk->context);
	assert_int_equal(failures_told(desk), 0);
	/* Nobody listens at port 1. */
	set(desk, "public-suffix-list", "https://127.0.0.1:1/list");
	rules_fetch_suffixes(&desk->context);
	assert_int_equal(failures_told(desk), 1);
	test_now_at += 86399;
	rules_fetch_suffixes(&desk->context);
	assert_int_equal(failures_told(desk), 1);
	test_now_at += 1;
	rules_fetch_suffixes(&desk->context);
	assert_int_equal(failures_told(desk), 2);
	/* Another address was not tried yet. */
	set(desk, "public-suffix-list", "https://127.0.0.1:1/other");
	rules_fetch_suffixes(&desk->context);
	assert_int_equal(failures_told(desk), 3);
	/* The clock was wrong by a year. */
	test_now_at -= (int64_t)365 * 86400;
	rules_fetch_suffixes(&desk->context);
	assert_int_equal(failures_told(desk), 4);
}

static void a_fetched_list_is_left_alone_for_a_month(void **state)
{
	struct desk *desk = *state;
	struct store *store = context_store(&desk->context, &desk->err);
	static const char url[] = "https://127.0.0.1:1/list";

	test_now_at = 1800000000;
	desk->context.clock = (struct clock){ .now_at = test_now };
	set(desk, "public-suffix-list", url);
	assert_true(store_mark_set(store, "suffixes https://127.0.0.1:1/list", test_now_at + (int64_t)30 * 86400, &desk->err));
	rules_fetch_suffixes(&desk->context);
	assert_int_equal(failures_told(desk), 0);
	test_now_at += (int64_t)30 * 86400;
	rules_fetch_suffixes(&desk->context);
	assert_int_equal(failures_told(desk), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(groups_are_found),
		DESK_TEST(nothing_is_set),
		DESK_TEST(values_that_make_no_sense),
		DESK_TEST(limits_of_servers),
		DESK_TEST(properties_override_limits),
		DESK_TEST(absurd_limits_are_refused),
		DESK_TEST(broken_templates_are_refused),
		DESK_TEST(issuers_are_known),
		DESK_TEST(suffixes_are_read_once),
		DESK_TEST(domains_of_overrides_are_registered_ones),
		DESK_TEST(a_failed_fetch_is_told_and_tried_again_in_a_day),
		DESK_TEST(a_fetched_list_is_left_alone_for_a_month),
	};

	return cmocka_run_group_tests_name("flow/rules", tests, NULL, NULL);
}
