/* SPDX-License-Identifier: MIT */
/* What the book shows: caps of groups beside the CA's buckets, and on which certificates units were spent. */
#include "book_helper.h"

#include "store/db.h"
#include "store/schema.h"

/* ---- caps of groups ---- */

static void caps_of_groups_are_listed_with_their_rate(void **state)
{
	static const struct book_share shares[] = {
		{ .group = "green", .units = 9 }, { .group = "g", .units = 4 }, { .group = "p", .units = 10, .is_percent = true },
	};
	static const struct {
		bool is_share;
		const char *bucket;
		int64_t burst, used, reserved, free;
	} wanted[] = {
		{ false, "example.com", 50, 1, 3, 46 },
		{ true, "g:example.com", 4, 1, 1, 2 },
		{ true, "p:example.com", 5, 0, 1, 4 },
	};
	const struct book_shares list = { shares, COUNT(shares) };
	struct book_fixture *fixture = *state;
	AUTO(book_buckets_done) struct book_buckets buckets = { 0 };
	AUTO(book_buckets_done) struct book_buckets without = { 0 };

	AUTO_ASKED one = admit_with(fixture, (struct book_request){ .share = shares[1] }, "a.example.com", 0);
	finalize(fixture, one.order.id);
	book_cert(fixture, one.order.id, "a.example.com", 0);
	AUTO_ASKED two = admit_with(fixture, (struct book_request){ .share = shares[1] }, "b.example.com", 0);
	AUTO_ASKED three = admit_with(fixture, (struct book_request){ .share = shares[2] }, "c.example.com", 0);
	AUTO_ASKED four = admit_with(fixture, (struct book_request){ .share = { .group = "gone", .units = 3 } }, "d.example.com", 0);
	assert_true(one.is_admitted && two.is_admitted && three.is_admitted && four.is_admitted);
	DO(book_list(&fixture->book, "example.com", &list, NS(0), &buckets, &err));
	size_t at = 0;
	while (at < buckets.count && buckets.items[at].limit != LIMIT_DOMAIN)
		at++;
	assert_int_equal(buckets.count - at, COUNT(wanted));
	for (size_t i = 0; i < COUNT(wanted); i++) {
		const struct book_bucket *bucket = &buckets.items[at + i];

		assert_int_equal(bucket->limit, LIMIT_DOMAIN);
		assert_int_equal(bucket->is_share, wanted[i].is_share);
		assert_string_equal(bucket->bucket, wanted[i].bucket);
		assert_int_equal(bucket->rate.burst, wanted[i].burst);
		assert_int_equal(bucket->rate.period_ns, 7 * DAY * NS_PER_S);
		assert_int_equal(bucket->used, wanted[i].used);
		assert_int_equal(bucket->reserved, wanted[i].reserved);
		assert_int_equal(bucket->free, wanted[i].free);
	}
	assert_int_equal(buckets.items[at + 1].next_unit_at_ns, NS(7 * DAY / 4));
	DO(book_list(&fixture->book, "example.com", NULL, NS(0), &without, &err));
	assert_int_equal(without.count, buckets.count - 2);
}

/* ---- certificates ---- */

static void assert_use(const struct book_use *use, const char *app, const char *wanted_names, bool is_new, int64_t issued)
{
	AUTO_FREE char *names = strs_join(&use->names, " ");

	assert_string_equal(use->app, app);
	assert_string_equal(names, wanted_names);
	assert_int_equal(use->is_new, is_new);
	assert_int_equal(use->issued_ns, NS(issued));
}

static void adopt(struct book_fixture *fixture, const char *leaf, const char *names, int64_t at)
{
	AUTO_STRS list = list_of(names);
	struct book_found found = { leaf, &list, NS(at - 3510), NS(at) };

	DO(book_adopt(&fixture->book, &found, 1, false, NS(at), &err));
}

static void uses_tell_who_ordered_what(void **state)
{
	struct book_fixture *fixture = *state;
	AUTO(book_uses_done) struct book_uses uses = { 0 };
	AUTO(book_uses_done) struct book_uses late = { 0 };

	issue(fixture, "b.example.com a.example.com", 200);
	/* Found on disk: used by somebody, known, and neither. */
	adopt(fixture, LEAF_A, "a.example.com", 100);
	put_cert(fixture->store, LEAF_A);
	DO(store_app_uses(fixture->store->store, "shop", LEAF_A, &err));
	DO(store_app_uses(fixture->store->store, "attic", LEAF_A, &err));
	adopt(fixture, LEAF_B, "z.example.com", 300);
	fixture->book.ca = "other";
	adopt(fixture, "elsewhere", "y.example.com", 400);
	fixture->book.ca = "test";
	DO(book_used(&fixture->book, NS(100), &uses, &err));
	assert_int_equal(uses.count, 3);
	assert_use(&uses.items[0], "attic", "a.example.com", false, 100);
	assert_string_equal(uses.items[0].leaf, LEAF_A);
	assert_use(&uses.items[1], "blog", "a.example.com b.example.com", true, 200);
	assert_use(&uses.items[2], "", "", false, 300);
	DO(book_used(&fixture->book, NS(201), &late, &err));
	assert_int_equal(late.count, 1);
}

static void uses_tell_which_were_new(void **state)
{
	struct book_fixture *fixture = *state;
	AUTO(book_uses_done) struct book_uses uses = { 0 };
	AUTO(book_uses_done) struct book_uses others = { 0 };

	issue(fixture, "a.example.com", 500);
	issue(fixture, "b.example.com", 200);
	/* A renewal, a replacement inside its window, and one that nobody admitted. */
	issue(fixture, "a.example.com", 900);
	AUTO_ASKED replacement = admit_with(fixture, (struct book_request){ .is_ari = true }, "a.example.com c.example.com", 950);
	assert_int_equal(replacement.as, ORDER_ARI);
	finalize(fixture, replacement.order.id);
	book_cert(fixture, replacement.order.id, "a.example.com c.example.com", 950);
	adopt(fixture, LEAF_A, "d.example.com", 1000);
	DO(book_used(&fixture->book, NS(0), &uses, &err));
	assert_int_equal(uses.count, 5);
	assert_use(&uses.items[0], "blog", "b.example.com", true, 200);
	assert_use(&uses.items[1], "blog", "a.example.com", true, 500);
	assert_use(&uses.items[2], "blog", "a.example.com", false, 900);
	assert_use(&uses.items[3], "blog", "a.example.com c.example.com", false, 950);
	assert_use(&uses.items[4], "", "", false, 1000);
	fixture->book.ca = "other";
	DO(book_used(&fixture->book, NS(0), &others, &err));
	assert_int_equal(others.count, 0);
}

static void rebuilt_book_still_knows_who_ordered(void **state)
{
	struct book_fixture *fixture = *state;
	AUTO(book_uses_done) struct book_uses uses = { 0 };
	AUTO_STRS names = list_of("a.example.com");
	int64_t id = admitted(fixture, "a.example.com", 100);
	AUTO_FREE char *leaf = mem_fmt("%064lld", (long long)id);
	/* The moment is estimated from the certificate. */
	struct book_found found = { leaf, &names, NS(100 - 3510), NS(90) };

	finalize(fixture, id);
	book_cert(fixture, id, "a.example.com", 100);
	issue(fixture, "gone.example.com", 100);
	for (int twice = 0; twice < 2; twice++)
		DO(book_adopt(&fixture->book, &found, 1, true, NS(200), &err));
	DO(book_used(&fixture->book, NS(0), &uses, &err));
	assert_int_equal(uses.count, 1);
	assert_use(&uses.items[0], "blog", "a.example.com", true, 90);
	assert_domain(fixture, 200, "1 0 49");
}

/* Of the second version, with a certificate that an order led to and one that was found. */
static void book_of_the_second_version_learns_who_ordered(void **state)
{
	struct book_fixture *fixture = *state;
	AUTO(book_uses_done) struct book_uses uses = { 0 };
	struct db *db;

	store_close(fixture->store->store);
	DO(file_remove(fixture->store->fd, "letsencrypt.db", &err));
	DO((db = db_open(fixture->store->path, schema_migrations, 2, &err)) != NULL);
	db_close(db);
	sql(fixture->store,
	    "INSERT INTO certs (leaf, server, account_url, profile, key_type, names, issuer, ari_id, not_before_at, not_after_at, issued_at)"
	    " VALUES ('" LEAF_A "', '', '', '', '', 'a.example.com', '', '', 0, 0, 0);"
	    "INSERT INTO orders (id, state, app, names, server, account_url, profile, key_type, replaces, intended_at, leaf, host, lease_until)"
	    " SELECT 7, 'installed', 'blog', 'a.example.com', '', '', '', 'ec256', '', 1, '" LEAF_A "', id, 1 FROM hosts;"
	    "INSERT INTO booked VALUES ('test', '" LEAF_A "', 1700000000000000000), ('test', '" LEAF_B "', 1700000001000000000)");
	DO((fixture->store->store = store_open(fixture->store->path, &fixture->store->clock, &err)) != NULL);
	fixture->book.store = fixture->store->store;
	DO(book_used(&fixture->book, NS(0), &uses, &err));
	assert_int_equal(uses.count, 2);
	/* By which rule is not known any more. */
	assert_use(&uses.items[0], "blog", "a.example.com", false, 0);
	assert_use(&uses.items[1], "", "", false, 1);
	assert_true(admitted(fixture, "b.example.com", 0) > INT64_C(1000) * START);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_book, tear_down_book)
		TEST(caps_of_groups_are_listed_with_their_rate),
		TEST(uses_tell_who_ordered_what),
		TEST(uses_tell_which_were_new),
		TEST(rebuilt_book_still_knows_who_ordered),
		TEST(book_of_the_second_version_learns_who_ordered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
