/* SPDX-License-Identifier: MIT */
/* Plans: what a question assumes, and who stands in line for which bucket. */
#include "book_helper.h"

static struct asked ask(struct book_fixture *fixture, const char *names, int64_t at)
{
	return ask_with(fixture, (struct book_request){ 0 }, names, at);
}

static void assert_in_line(const struct asked *asked, enum limit limit, const char *bucket, size_t place, int64_t until)
{
	assert_waits(asked, limit, bucket, until);
	assert_int_equal(asked->wait.place, place);
}

/* ---- the line ---- */

static void those_who_wait_come_one_after_the_other(void **state)
{
	struct book_fixture *fixture = *state;

	issue_many(fixture, "a", 48, 0);
	for (int twice = 0; twice < 2; twice++) {
		DO(book_plan(&fixture->book, &err));
		for (int i = 0; i < 6; i++) {
			AUTO_FREE char *name = mem_fmt("b%d.example.com", i);
			AUTO_ASKED asked = ask(fixture, name, 0);

			assert_int_equal(asked.is_admitted, i < 2);
			assert_int_equal(asked.wait.place, i < 2 ? 0 : i - 1);
			if (i >= 2)
				assert_waits(&asked, LIMIT_DOMAIN, "example.com", (int64_t)(i - 1) * 12096);
		}
	}
}

/* What others wait for is not reserved: nobody has it yet. */
static void line_is_not_told_as_reservations(void **state)
{
	struct book_fixture *fixture = *state;

	issue_many(fixture, "a", 49, 0);
	DO(book_plan(&fixture->book, &err));
	for (int i = 0; i < 4; i++) {
		AUTO_FREE char *name = mem_fmt("b%d.example.com", i);
		AUTO_ASKED asked = ask(fixture, name, 0);

		if (i > 0)
			assert_string_equal(asked.wait.message,
					    "the 50 new certificates for example.com within 7 days are used up (49 used, 1 reserved)");
	}
}

static void each_bucket_has_its_own_line(void **state)
{
	struct book_fixture *fixture = *state;

	issue_many(fixture, "a", 50, 0);
	DO(book_learn(&fixture->book, LIMIT_DOMAIN, "example.org", 0, 0, NS(30000), &err));
	DO(book_plan(&fixture->book, &err));
	AUTO_ASKED com = ask(fixture, "a.example.com x.example.com", 0);
	AUTO_ASKED both = ask(fixture, "b.example.com b.example.org", 0);
	AUTO_ASKED org = ask(fixture, "c.example.org", 0);
	AUTO_ASKED com_again = ask(fixture, "d.example.com", 0);
	AUTO_ASKED net = ask(fixture, "e.example.net", 0);
	assert_in_line(&com, LIMIT_DOMAIN, "example.com", 1, 12096);
	/* It has room in the one last, waits there, and not in the other. */
	assert_in_line(&both, LIMIT_DOMAIN, "example.org", 1, 30000);
	assert_in_line(&org, LIMIT_DOMAIN, "example.org", 2, 30000 + 12096);
	assert_in_line(&com_again, LIMIT_DOMAIN, "example.com", 2, 2 * 12096);
	assert_true(net.is_admitted);
}

static void what_is_kept_comes_on_top_of_the_line(void **state)
{
	struct book_fixture *fixture = *state;
	struct book_request low = { .keep = { .domain = 5 } };

	issue_many(fixture, "a", 50, 0);
	DO(book_plan(&fixture->book, &err));
	AUTO_ASKED urgent = ask(fixture, "a.example.com", 0);
	AUTO_ASKED first = ask_with(fixture, low, "b.example.com", 0);
	AUTO_ASKED second = ask_with(fixture, low, "c.example.com", 0);
	assert_in_line(&urgent, LIMIT_DOMAIN, "example.com", 1, 12096);
	assert_in_line(&first, LIMIT_DOMAIN, "example.com", 2, (1 + 5 + 1) * 12096);
	assert_in_line(&second, LIMIT_DOMAIN, "example.com", 3, (2 + 5 + 1) * 12096);
}

static void groups_wait_in_their_share(void **state)
{
	struct book_fixture *fixture = *state;
	struct book_request one = { .share = { .group = "g", .units = 2 } };
	struct book_request other = { .share = { .group = "h", .units = 2 } };

	DO(book_plan(&fixture->book, &err));
	for (int i = 0; i < 5; i++) {
		AUTO_FREE char *name = mem_fmt("g%d.example.com", i);
		AUTO_ASKED asked = ask_with(fixture, one, name, 0);

		assert_int_equal(asked.is_admitted, i < 2);
		if (!asked.is_admitted) {
			assert_true(asked.wait.is_share);
			assert_in_line(&asked, LIMIT_DOMAIN, "g:example.com", (size_t)(i - 1), (int64_t)(i - 1) * 7 * DAY / 2);
		}
	}
	/* They take nothing of the domain while they wait for their share. */
	for (int i = 0; i < 48; i++) {
		AUTO_FREE char *name = mem_fmt("h%d.example.com", i);
		AUTO_ASKED asked = ask_with(fixture, i < 2 ? other : (struct book_request){ 0 }, name, 0);

		assert_true(asked.is_admitted);
	}
	AUTO_ASKED full = ask(fixture, "z.example.com", 0);
	assert_in_line(&full, LIMIT_DOMAIN, "example.com", 1, 12096);
}

static void nobody_stands_in_line_for_a_refusal(void **state)
{
	struct book_fixture *fixture = *state;
	AUTO_STRS names = list_of("a.example.com");

	DO(book_refused(&fixture->book, ACCOUNT, &names, NS(600), "", "no", &err));
	DO(book_plan(&fixture->book, &err));
	for (int twice = 0; twice < 2; twice++) {
		AUTO_ASKED asked = ask(fixture, "a.example.com", 0);

		assert_in_line(&asked, LIMIT_PAUSING, "a.example.com", 0, 600);
	}
}

/* ---- what is written ---- */

static void line_is_of_the_plan_alone(void **state)
{
	struct book_fixture *fixture = *state;

	issue_many(fixture, "a", 49, 0);
	DO(book_plan(&fixture->book, &err));
	for (int i = 0; i < 3; i++) {
		AUTO_FREE char *name = mem_fmt("b%d.example.com", i);
		AUTO_ASKED asked = ask(fixture, name, 0);

		assert_int_equal(asked.is_admitted, i == 0);
	}
	assert_domain(fixture, 0, "49 0 1");
	/* Admission looks at what is reserved, not at what somebody asked. */
	(void)admitted(fixture, "c.example.com", 0);
	AUTO_ASKED over = admit(fixture, "d.example.com", 0);
	assert_waits(&over, LIMIT_DOMAIN, "example.com", 12096);
	assert_int_equal(over.wait.place, 0);
}

/* ---- a book that was lost ---- */

static void lost_book_counts_as_used_up_then(void **state)
{
	struct book_fixture *fixture = *state;

	fixture->book.unproven_ns = NS(0);
	AUTO_ASKED early = admit(fixture, "a.example.com", 100);
	/* Each bucket anew: of all that it needs the exact set has a unit last. */
	assert_false(early.is_admitted);
	assert_int_equal(early.wait.limit, LIMIT_SET);
	assert_int_equal(early.wait.at_ns, NS(120960));
	assert_string_equal(early.wait.message,
			    "the 5 certificates for exactly these names within 7 days count as used up since an earlier book was lost (5 used, 0 reserved)");
	AUTO_ASKED question = ask(fixture, "a.example.com", 100);
	assert_in_line(&question, LIMIT_SET, early.wait.bucket, 1, 120960);
	(void)admitted(fixture, "a.example.com", 120960);
	/* By then ten of the domain came back, one is reserved. */
	AUTO_ASKED other = ask(fixture, "b.example.com", 120960);
	assert_true(other.is_admitted);
	assert_domain(fixture, 120960, "40 1 9");
}

static void each_unit_that_came_back_is_spent_once(void **state)
{
	struct book_fixture *fixture = *state;

	fixture->limits.is_limited[LIMIT_SET] = false;
	fixture->book.unproven_ns = NS(0);
	for (int64_t n = 1; n <= 3; n++) {
		AUTO_FREE char *early = mem_fmt("early%lld.example.com", (long long)n);
		AUTO_FREE char *name = mem_fmt("b%lld.example.com", (long long)n);
		AUTO_ASKED waits = admit(fixture, early, n * 12096 - 1);

		assert_waits(&waits, LIMIT_DOMAIN, "example.com", n * 12096);
		issue(fixture, name, n * 12096);
		assert_domain(fixture, n * 12096, "50 0 0");
	}
}

static void failures_and_orders_are_spent_on_top(void **state)
{
	struct book_fixture *fixture = *state;

	fixture->limits.is_limited[LIMIT_SET] = false;
	fixture->limits.is_limited[LIMIT_DOMAIN] = false;
	fixture->book.unproven_ns = NS(0);
	AUTO_ASKED early = admit(fixture, "a.example.com", 719);
	assert_waits(&early, LIMIT_FAILURES, ACCOUNT ":a.example.com", 720);
	for (int64_t n = 1; n <= 3; n++) {
		int64_t id = admitted(fixture, "a.example.com", n * 720);

		place(fixture, id);
		DO(book_failed(&fixture->book, id, "a.example.com", NS(n * 720), &err));
		DO(book_dead(&fixture->book, id, "failed", BOOK_UNUSED, NS(n * 720), &err));
		assert_bucket(fixture, LIMIT_FAILURES, ACCOUNT ":a.example.com", n * 720, "5 0 0");
		AUTO_ASKED again = admit(fixture, "a.example.com", n * 720);
		assert_waits(&again, LIMIT_FAILURES, ACCOUNT ":a.example.com", (n + 1) * 720);
	}
	/* Twenty units of 36 s came back by 720 s, and so on; three were spent. */
	assert_bucket(fixture, LIMIT_ORDERS, ACCOUNT, 3 * 720, "243 0 57");
	/* A row in which nothing counts for an admission stays what it is. */
	assert_bucket(fixture, LIMIT_PAUSING, ACCOUNT ":a.example.com", 3 * 720, "3 0 1149");
}

static void exempt_one_goes_on_and_is_counted(void **state)
{
	struct book_fixture *fixture = *state;

	fixture->book.unproven_ns = NS(0);
	AUTO_ASKED asked = admit_with(fixture, (struct book_request){ .is_ari = true }, "a.example.com", 13000);
	assert_true(asked.is_admitted);
	finalize(fixture, asked.order.id);
	book_cert(fixture, asked.order.id, "a.example.com", 13000);
	/* One had come back, and is gone again. */
	assert_domain(fixture, 13000, "50 0 0");
	AUTO_ASKED other = admit_with(fixture, (struct book_request){ 0 }, "b.example.com", 13000);
	assert_false(other.is_admitted);
}

/* The book is begun anew from certificates: those from before are among what counts as used up. */
static void certificates_from_before_the_loss_count_once(void **state)
{
	struct book_fixture *fixture = *state;
	AUTO_STRS names = list_of("x.example.com");
	struct book_found later = { .leaf = LEAF_A, .names = &names, .not_before_ns = NS(9000), .issued_ns = NS(12600) };

	fixture->book.unproven_ns = NS(10000);
	issue_many(fixture, "a", 10, 9000);
	fixture->book.unproven_ns = 0;
	assert_domain(fixture, 10000, "10 0 40");
	fixture->book.unproven_ns = NS(10000);
	assert_domain(fixture, 10000, "50 0 0");
	assert_domain(fixture, 10000 + 12096, "49 0 1");
	DO(book_adopt(&fixture->book, &later, 1, false, NS(12700), &err));
	assert_domain(fixture, 10000 + 12096, "50 0 0");
	assert_domain(fixture, 10000 + 7 * DAY, "1 0 49");
}

/* By what is written it is full; that is not all there was. */
static void bucket_that_looks_full_is_listed_after_a_loss(void **state)
{
	struct book_fixture *fixture = *state;

	issue_many(fixture, "a", 1, 0);
	assert_domain(fixture, 12096, "-");
	fixture->book.unproven_ns = NS(1000);
	assert_domain(fixture, 1000 + 12096, "49 0 1");
	assert_domain(fixture, 1000 + 7 * DAY, "-");
}

static void loss_is_over_when_all_has_come_back(void **state)
{
	struct book_fixture *fixture = *state;

	fixture->book.unproven_ns = NS(0);
	(void)admitted(fixture, "a.example.com", 7 * DAY);
	assert_domain(fixture, 7 * DAY, "0 1 49");
	assert_bucket(fixture, LIMIT_ORDERS, ACCOUNT, 7 * DAY, "1 0 299");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_book, tear_down_book)
		TEST(those_who_wait_come_one_after_the_other),
		TEST(line_is_not_told_as_reservations),
		TEST(each_bucket_has_its_own_line),
		TEST(what_is_kept_comes_on_top_of_the_line),
		TEST(groups_wait_in_their_share),
		TEST(nobody_stands_in_line_for_a_refusal),
		TEST(line_is_of_the_plan_alone),
		TEST(lost_book_counts_as_used_up_then),
		TEST(each_unit_that_came_back_is_spent_once),
		TEST(failures_and_orders_are_spent_on_top),
		TEST(exempt_one_goes_on_and_is_counted),
		TEST(certificates_from_before_the_loss_count_once),
		TEST(bucket_that_looks_full_is_listed_after_a_loss),
		TEST(loss_is_over_when_all_has_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
