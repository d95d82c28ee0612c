/* SPDX-License-Identifier: MIT */
#include "helper.h"

#include "store/db.h"
#include "store/schema.h"

static struct store_cert get_cert(struct fixture *fixture, const char *leaf)
{
	struct store_cert cert = { 0 };
	bool is_found = false;

	DO(store_cert_get(fixture->store, leaf, &is_found, &cert, &err));
	assert_true(is_found);
	return cert;
}

static void comes_back_as_it_was_put(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_cert_done) struct store_cert cert = make_cert(LEAF_A, "b.example.com a.example.com");
	AUTO(store_cert_done) struct store_cert known = { 0 };

	DO(store_cert_put(fixture->store, &cert, &err));
	known = get_cert(fixture, LEAF_A);
	assert_string_equal(known.leaf, LEAF_A);
	assert_string_equal(known.server, cert.server);
	assert_string_equal(known.account_url, cert.account_url);
	assert_string_equal(known.profile, "classic");
	assert_string_equal(known.key_type, "ec256");
	assert_int_equal(known.names.count, 2);
	assert_string_equal(known.names.items[0], "a.example.com");
	assert_string_equal(known.names.items[1], "b.example.com");
	assert_string_equal(known.issuer, "R10");
	assert_string_equal(known.ari_id, cert.ari_id);
	assert_int_equal(known.not_before_at, cert.not_before_at);
	assert_int_equal(known.not_after_at, cert.not_after_at);
	assert_int_equal(known.issued_at, cert.issued_at);
	assert_int_equal(known.revoked_at, 0);
	assert_int_equal(known.window_start_at, 0);
	assert_string_equal(known.window_url, "");
	assert_sql(fixture, "SELECT names FROM certs", "a.example.com b.example.com");
}

static void unknown_one_is_not_found_and_touches_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct store_cert cert = { .issued_at = 7 };
	bool is_found = true;

	DO(store_cert_get(fixture->store, LEAF_A, &is_found, &cert, &err));
	assert_false(is_found);
	assert_int_equal(cert.issued_at, 7);
}

static void put_again_replaces_all_but_revocation_and_window(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_cert_done) struct store_cert cert = make_cert(LEAF_A, "a.example.com");
	AUTO(store_cert_done) struct store_cert known = { 0 };

	DO(store_cert_put(fixture->store, &cert, &err));
	DO(store_cert_revoked(fixture->store, LEAF_A, START + 5, &err));
	DO(store_cert_window(fixture->store, LEAF_A, 11, 22, 15, 33, "https://ca.test/why", &err));
	free(cert.issuer);
	cert.issuer = mem_strdup("E7");
	DO(store_cert_put(fixture->store, &cert, &err));
	DO(store_cert_put(fixture->store, &cert, &err));
	known = get_cert(fixture, LEAF_A);
	assert_string_equal(known.issuer, "E7");
	assert_int_equal(known.revoked_at, START + 5);
	assert_int_equal(known.window_start_at, 11);
	assert_int_equal(known.window_end_at, 22);
	assert_int_equal(known.window_chosen_at, 15);
	assert_int_equal(known.window_retry_at, 33);
	assert_string_equal(known.window_url, "https://ca.test/why");
}

static void put_brings_its_own_window(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_cert_done) struct store_cert cert = make_cert(LEAF_A, "a.example.com");
	AUTO(store_cert_done) struct store_cert known = { 0 };

	put_cert(fixture, LEAF_A);
	DO(store_cert_window(fixture->store, LEAF_A, 11, 22, 15, 33, "", &err));
	cert.window_start_at = 100;
	cert.window_end_at = 200;
	cert.window_chosen_at = 150;
	DO(store_cert_put(fixture->store, &cert, &err));
	known = get_cert(fixture, LEAF_A);
	assert_int_equal(known.window_start_at, 100);
	assert_int_equal(known.window_chosen_at, 150);
	assert_int_equal(known.window_retry_at, 0);
}

static void first_moment_of_a_revocation_stays(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_cert_done) struct store_cert known = { 0 };

	put_cert(fixture, LEAF_A);
	DO(store_cert_revoked(fixture->store, LEAF_A, START + 1, &err));
	DO(store_cert_revoked(fixture->store, LEAF_A, START + 2, &err));
	known = get_cert(fixture, LEAF_A);
	assert_int_equal(known.revoked_at, START + 1);
}

static void unknown_one_cannot_be_revoked_or_get_a_window(void **state)
{
	struct fixture *fixture = *state;

	FAILS(store_cert_revoked(fixture->store, LEAF_A, START, &err), ERR_STORE, LEAF_A);
	FAILS(store_cert_window(fixture->store, LEAF_A, 1, 2, 1, 3, "", &err), ERR_STORE, LEAF_A);
}

static void list_is_newest_first(void **state)
{
	struct fixture *fixture = *state;
	AUTO(store_certs_done) struct store_certs certs = { 0 };

	DO(store_cert_list(fixture->store, &certs, &err));
	assert_int_equal(certs.count, 0);
	for (int i = 0; i < 20; i++) {
		AUTO_FREE char *leaf = mem_fmt("%064d", (i * 7) % 20);
		AUTO(store_cert_done) struct store_cert cert = make_cert(leaf, "a.example.com");

		cert.not_before_at = START + (i * 7) % 20;
		DO(store_cert_put(fixture->store, &cert, &err));
	}
	DO(store_cert_list(fixture->store, &certs, &err));
	assert_int_equal(certs.count, 20);
	for (size_t i = 0; i < certs.count; i++)
		assert_int_equal(certs.items[i].not_before_at, START + 19 - (int)i);
}

static void assert_free(struct fixture *fixture, const char *app, const char *name, const char *expected)
{
	AUTO(store_certs_done) struct store_certs certs = { 0 };
	AUTO_STRS leaves = { 0 };
	AUTO_FREE char *joined = NULL;

	DO(store_cert_list_free(fixture->store, app, name, &certs, &err));
	for (size_t i = 0; i < certs.count; i++)
		strs_add_size(&leaves, certs.items[i].leaf, 1);
	joined = strs_join(&leaves, " ");
	assert_string_equal(joined, expected);
}

static void put_named(struct fixture *fixture, const char *leaf, const char *names)
{
	AUTO(store_cert_done) struct store_cert cert = make_cert(leaf, names);

	DO(store_cert_put(fixture->store, &cert, &err));
	DO(store_cert_put(fixture->store, &cert, &err));
}

static void free_ones_are_those_of_the_name_that_no_other_app_uses(void **state)
{
	struct fixture *fixture = *state;

	put_named(fixture, LEAF_A, "a.example.com b.example.com");
	put_named(fixture, LEAF_B, "*.example.com");
	assert_free(fixture, "blog", "a.example.com", "a b");
	assert_free(fixture, "blog", "c.example.com", "b");
	assert_free(fixture, "blog", "example.com", "");
	DO(store_app_uses(fixture->store, "shop", LEAF_A, &err));
	assert_free(fixture, "shop", "b.example.com", "a b");
	assert_free(fixture, "blog", "b.example.com", "b");
}

/* As they were before certificates were kept by name. */
static void those_of_an_older_file_are_found_by_name(void **state)
{
	struct fixture *fixture = *state;
	struct db *db = NULL;

	DO((db = db_open(fixture->path, schema_migrations, 3, &err)) != NULL);
	db_close(db);
	sql(fixture, "INSERT INTO certs (leaf, server, account_url, profile, key_type, names, issuer, ari_id, not_before_at, not_after_at, issued_at)"
		     " VALUES ('x', '', '', '', 'ec256', 'a.example.com b.example.com', '', '', 1, 2, 1), ('y', '', '', '', 'ec256', 'b.example.com', '', '', 0, 2, 1)");
	DO((fixture->store = store_open(fixture->path, &fixture->clock, &err)) != NULL);
	assert_free(fixture, "blog", "a.example.com", "x");
	assert_free(fixture, "blog", "b.example.com", "x y");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(free_ones_are_those_of_the_name_that_no_other_app_uses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(those_of_an_older_file_are_found_by_name, set_up_folder, tear_down),
		cmocka_unit_test_setup_teardown(comes_back_as_it_was_put, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unknown_one_is_not_found_and_touches_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(put_again_replaces_all_but_revocation_and_window, set_up, tear_down),
		cmocka_unit_test_setup_teardown(put_brings_its_own_window, set_up, tear_down),
		cmocka_unit_test_setup_teardown(first_moment_of_a_revocation_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unknown_one_cannot_be_revoked_or_get_a_window, set_up, tear_down),
		cmocka_unit_test_setup_teardown(list_is_newest_first, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
