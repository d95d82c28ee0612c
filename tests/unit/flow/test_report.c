/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include "flow/actions.h"

#define LATER ((int64_t)4000000000)
#define CONFIG "lib/config/letsencrypt/"

static const char *value_of(const struct report *report, const char *key)
{
	size_t index = strs_find(&report->keys, key);

	if (index >= report->values.count)
		fail_msg("no key %s", key);
	return report->values.items[index];
}

/* Programs rely on it: the bash plugin's keys in its order, ours after them. */
static void keys_keep_their_order(void **state)
{
	static const char expected[] =
		"active autorenew computed-dns-provider global-dns-provider dns-provider computed-email global-email email expiration "
		"computed-graceperiod global-graceperiod graceperiod computed-lego-args global-lego-args lego-args "
		"computed-lego-docker-options global-lego-docker-options lego-docker-options computed-server global-server server "
		"computed-dns-provider-A global-dns-provider-A computed-dns-provider-B dns-provider-B "
		"computed-ca-certificate global-ca-certificate ca-certificate computed-eab-kid global-eab-kid eab-kid "
		"computed-key-type global-key-type key-type computed-preferred-chain global-preferred-chain preferred-chain "
		"computed-profile global-profile profile computed-eab-hmac-key global-eab-hmac-key eab-hmac-key "
		"computed-auto-enable global-auto-enable auto-enable computed-deploy-wait global-deploy-wait deploy-wait "
		"extra-domains certificate-names certificate-issuer renewal enabled held-back unserved failure ignored waiting";
	struct desk *desk = *state;
	AUTO(report_done) struct report report = { 0 };

	folder_write(&desk->tree->folder, CONFIG "--global/dns-provider-A", "one", 0600);
	folder_write(&desk->tree->folder, CONFIG "blog/dns-provider-B", "two", 0600);
	assert_true(report_read(&desk->context, "blog", false, &report, &desk->err));
	AUTO_FREE char *keys = strs_join(&report.keys, " ");
	assert_string_equal(keys, expected);
	assert_int_equal(report.keys.count, report.values.count);
	assert_string_equal(value_of(&report, "dns-provider-B"), "two");
	assert_string_equal(value_of(&report, "computed-dns-provider-A"), "one");
}

static void values_are_effective_with_defaults(void **state)
{
	struct desk *desk = *state;
	AUTO(report_done) struct report report = { 0 };

	folder_write(&desk->tree->folder, CONFIG "--global/email", "all@example.com", 0600);
	folder_write(&desk->tree->folder, CONFIG "--global/dns-provider", "cloudflare", 0600);
	folder_write(&desk->tree->folder, CONFIG "blog/dns-provider", "none", 0600);
	folder_write(&desk->tree->folder, CONFIG "blog/server", "staging", 0600);
	folder_write(&desk->tree->folder, CONFIG "blog/lego-args", "--key-type ec384 --bogus", 0600);
	folder_write(&desk->tree->folder, CONFIG "blog/enabled", "true", 0600);
	assert_true(report_read(&desk->context, "blog", false, &report, &desk->err));
	assert_string_equal(value_of(&report, "active"), "false");
	assert_string_equal(value_of(&report, "autorenew"), "true");
	assert_string_equal(value_of(&report, "computed-email"), "all@example.com");
	assert_string_equal(value_of(&report, "email"), "");
	assert_string_equal(value_of(&report, "computed-dns-provider"), "");
	assert_string_equal(value_of(&report, "dns-provider"), "none");
	assert_string_equal(value_of(&report, "computed-server"), "https://acme-staging-v02.api.letsencrypt.org/directory");
	assert_string_equal(value_of(&report, "server"), "staging");
	assert_string_equal(value_of(&report, "computed-graceperiod"), "2592000");
	assert_string_equal(value_of(&report, "computed-key-type"), "ec384");
	assert_string_equal(value_of(&report, "key-type"), "");
	assert_string_equal(value_of(&report, "expiration"), "");
	assert_string_equal(value_of(&report, "renewal"), "");
	assert_string_equal(value_of(&report, "enabled"), "true");
	assert_string_equal(value_of(&report, "ignored"), "--bogus");
}

static void the_certificate_is_described(void **state)
{
	struct desk *desk = *state;
	AUTO(report_done) struct report report = { 0 };

	desk_install(desk, "blog", LATER, true);
	assert_true(store_app_hold(desk->context.store, "blog", "revoked on 2026-01-02", &desk->err));
	assert_true(report_read(&desk->context, "blog", false, &report, &desk->err));
	assert_string_equal(value_of(&report, "active"), "true");
	assert_string_equal(value_of(&report, "expiration"), "4000000000");
	assert_string_equal(value_of(&report, "renewal"), "3997408000");
	assert_string_equal(value_of(&report, "certificate-names"), "blog.example.com");
	assert_string_equal(value_of(&report, "certificate-issuer"), "CN=Test CA");
	assert_non_null(strstr(value_of(&report, "held-back"), ": revoked on 2026-01-02"));
	assert_string_equal(value_of(&report, "unserved"), "");
}

static void what_it_waits_for_is_told(void **state)
{
	struct desk *desk = *state;
	AUTO(report_done) struct report none = { 0 };
	AUTO(report_done) struct report room = { 0 };
	AUTO(report_done) struct report waits = { 0 };
	AUTO(report_done) struct report paused = { 0 };
	char blog[] = "blog", empty[] = "", message[] = "the 50 new certificates for example.com within 7 days are used up";
	struct store_wait wait = { .app = blog, .server = empty, .account_url = empty, .profile = empty, .key_type = empty, .replaces = empty, .reason = empty,
				   .limit_name = empty, .bucket = empty, .message = message };

	assert_true(report_read(&desk->context, "blog", false, &none, &desk->err));
	assert_string_equal(value_of(&none, "waiting"), "");
	assert_true(store_wait_put(desk->context.store, &wait, 1, &desk->err));
	assert_true(report_read(&desk->context, "blog", false, &room, &desk->err));
	assert_string_equal(value_of(&room, "waiting"), "");
	wait.until_at = LATER;
	wait.place = 3;
	assert_true(store_wait_put(desk->context.store, &wait, 1, &desk->err));
	assert_true(report_read(&desk->context, "blog", false, &waits, &desk->err));
	assert_non_null(strstr(value_of(&waits, "waiting"), "until 2096-10-02 "));
	assert_non_null(strstr(value_of(&waits, "waiting"), ": the 50 new certificates for example.com within 7 days are used up (place 3)"));
	wait.until_at = INT64_MAX;
	wait.place = 0;
	assert_true(store_wait_put(desk->context.store, &wait, 1, &desk->err));
	assert_true(report_read(&desk->context, "blog", false, &paused, &desk->err));
	assert_string_equal(value_of(&paused, "waiting"), "until the pause is lifted: the 50 new certificates for example.com within 7 days are used up");
}

static void secrets_are_masked(void **state)
{
	struct desk *desk = *state;
	AUTO(report_done) struct report open = { 0 };
	AUTO(report_done) struct report masked = { 0 };

	folder_write(&desk->tree->folder, CONFIG "--global/dns-provider-A", "hush", 0600);
	folder_write(&desk->tree->folder, CONFIG "--global/eab-hmac-key", "aHVzaA", 0600);
	folder_write(&desk->tree->folder, CONFIG "blog/lego-args", "--kid a --hmac quiet", 0600);
	folder_write(&desk->tree->folder, CONFIG "--global/lego-docker-options", "-e TOKEN=quiet", 0600);
	assert_true(report_read(&desk->context, "blog", false, &open, &desk->err));
	assert_string_equal(value_of(&open, "global-dns-provider-A"), "hush");
	assert_string_equal(value_of(&open, "computed-eab-hmac-key"), "****");
	assert_string_equal(value_of(&open, "eab-hmac-key"), "");
	assert_false(strs_has(&open.values, "aHVzaA"));
	assert_true(report_read(&desk->context, "blog", true, &masked, &desk->err));
	assert_string_equal(value_of(&masked, "global-dns-provider-A"), "****");
	assert_string_equal(value_of(&masked, "computed-dns-provider-A"), "****");
	assert_false(strs_has(&masked.values, "hush"));
	assert_string_equal(value_of(&open, "lego-args"), "--kid a --hmac quiet");
	AUTO_FREE char *shown = strs_join(&masked.values, " ");
	assert_null(strstr(shown, "quiet"));
	assert_string_equal(value_of(&masked, "ignored"), "-e TOKEN");
}

static void the_global_report_has_global_keys_only(void **state)
{
	struct desk *desk = *state;
	AUTO(report_done) struct report report = { 0 };

	folder_write(&desk->tree->folder, CONFIG "--global/dns-provider-A", "one", 0600);
	assert_true(report_read(&desk->context, NULL, false, &report, &desk->err));
	assert_true(report.keys.count > 10);
	for (size_t i = 0; i < report.keys.count; i++)
		assert_true(text_starts(report.keys.items[i], "global-"));
	assert_string_equal(value_of(&report, "global-dns-provider-A"), "one");
}

/* Somebody edited a file: the report is what shows it. */
static void a_senseless_property_is_a_note(void **state)
{
	struct desk *desk = *state;
	AUTO(report_done) struct report report = { 0 };

	folder_write(&desk->tree->folder, CONFIG "blog/graceperiod", "soon", 0600);
	assert_true(report_read(&desk->context, "blog", false, &report, &desk->err));
	assert_int_equal(report.notes.count, 1);
	assert_non_null(strstr(report.notes.items[0], "graceperiod"));
	assert_string_equal(value_of(&report, "graceperiod"), "soon");
	assert_string_equal(value_of(&report, "computed-graceperiod"), "soon");
}

static void a_missing_app_is_core_s_error(void **state)
{
	struct desk *desk = *state;
	AUTO(report_done) struct report report = { 0 };

	assert_false(report_read(&desk->context, "nope", false, &report, &desk->err));
	assert_int_equal(desk->err.kind, ERR_NO_APP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(keys_keep_their_order),
		DESK_TEST(values_are_effective_with_defaults),
		DESK_TEST(the_certificate_is_described),
		DESK_TEST(what_it_waits_for_is_told),
		DESK_TEST(secrets_are_masked),
		DESK_TEST(the_global_report_has_global_keys_only),
		DESK_TEST(a_senseless_property_is_a_note),
		DESK_TEST(a_missing_app_is_core_s_error),
	};

	return cmocka_run_group_tests_name("flow/report", tests, NULL, NULL);
}
