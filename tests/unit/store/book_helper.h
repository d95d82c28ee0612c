/* SPDX-License-Identifier: MIT */
#ifndef TESTS_STORE_BOOK_HELPER_H
#define TESTS_STORE_BOOK_HELPER_H

#include "helper.h"

#include "budget/domain.h"
#include "util/text.h"

/* A book in the fixture's store, with Let's Encrypt's numbers. Moments are seconds from START. */
struct book_fixture {
	struct fixture *store;
	struct limits limits;
	struct suffixes *suffixes;
	struct book book;
};

#define ACCOUNT "1"
#define DAY 86400

static inline void limit_to(struct limits *limits, enum limit limit, int64_t count, int64_t burst, int64_t period_s)
{
	const char *reason;

	assert_true(rate_make(count, burst, period_s * NS_PER_S, &limits->rates[limit], &reason));
	limits->is_limited[limit] = true;
}

static inline void set_up_limits(struct limits *limits)
{
	limit_to(limits, LIMIT_ORDERS, 300, 300, 3 * 3600);
	limit_to(limits, LIMIT_FAILURES, 5, 5, 3600);
	limit_to(limits, LIMIT_DOMAIN, 50, 50, 7 * DAY);
	limit_to(limits, LIMIT_SET, 5, 5, 7 * DAY);
	limit_to(limits, LIMIT_PAUSING, 1, 1152, DAY);
}

static inline int set_up_book(void **state)
{
	static const char list[] = "com\norg\nuk\nco.uk\n";
	struct book_fixture *fixture = mem_new(1, sizeof(*fixture));
	void *store;

	(void)set_up(&store);
	fixture->store = store;
	set_up_limits(&fixture->limits);
	DO((fixture->suffixes = suffixes_read(list, strlen(list), &err)) != NULL);
	fixture->book = (struct book){ .store = fixture->store->store, .ca = "test", .rules = { &fixture->limits, fixture->suffixes } };
	*state = fixture;
	return 0;
}

static inline int tear_down_book(void **state)
{
	struct book_fixture *fixture = *state;
	void *store = fixture->store;

	suffixes_free(fixture->suffixes);
	limits_done(&fixture->limits);
	free(fixture);
	return tear_down(&store);
}

/* Separated by blanks; the caller frees it. */
static inline struct strs list_of(const char *text)
{
	struct strs list = { 0 };

	strs_split(&list, text, " ");
	return list;
}

/* ---- requests ---- */

/* What became of a request. */
struct asked {
	bool is_admitted;
	enum order_as as;
	struct store_order order;
	struct book_wait wait;
};

static inline void asked_done(struct asked *asked)
{
	store_order_done(&asked->order);
	book_wait_done(&asked->wait);
}
#define AUTO_ASKED AUTO(asked_done) struct asked

static inline struct asked admit_with(struct book_fixture *fixture, struct book_request request, const char *names, int64_t at)
{
	AUTO(store_order_done) struct store_order wanted = make_order("blog", names);
	struct asked asked = { 0 };

	request.order = &wanted;
	request.account = ACCOUNT;
	request.now_ns = NS(at);
	request.spend_ns = request.spend_ns != 0 ? request.spend_ns : NS(at);
	request.lease_until = fixture->store->now + 60;
	DO(book_admit(&fixture->book, &request, &asked.is_admitted, &asked.order, &asked.as, &asked.wait, &err));
	return asked;
}

static inline struct asked admit(struct book_fixture *fixture, const char *names, int64_t at)
{
	return admit_with(fixture, (struct book_request){ 0 }, names, at);
}

static inline struct asked ask_with(struct book_fixture *fixture, struct book_request request, const char *names, int64_t at)
{
	AUTO(store_order_done) struct store_order wanted = make_order("blog", names);
	struct asked asked = { 0 };

	request.order = &wanted;
	request.account = ACCOUNT;
	request.now_ns = NS(at);
	request.spend_ns = NS(at);
	DO(book_ask(&fixture->book, &request, &asked.is_admitted, &asked.as, &asked.wait, &err));
	return asked;
}

/* Which must be admitted; its id. */
static inline int64_t admitted(struct book_fixture *fixture, const char *names, int64_t at)
{
	AUTO_ASKED asked = admit(fixture, names, at);

	if (!asked.is_admitted)
		fail_msg("%s at %lld: %s", names, (long long)at, asked.wait.message);
	return asked.order.id;
}

/* Which must wait for this until then. */
static inline void assert_waits(const struct asked *asked, enum limit limit, const char *bucket, int64_t until)
{
	assert_false(asked->is_admitted);
	assert_string_equal(limit_name(asked->wait.limit), limit_name(limit));
	assert_string_equal(asked->wait.bucket, bucket);
	assert_int_equal(asked->wait.at_ns, NS(until));
}

/* ---- what follows ---- */

static inline void place(struct book_fixture *fixture, int64_t id)
{
	AUTO_FREE char *url = mem_fmt("https://ca.test/order/%lld", (long long)id);

	DO(store_order_sending(fixture->store->store, id, &err));
	DO(book_placed(&fixture->book, id, url, 0, NS(0), &err));
}

static inline void finalize(struct book_fixture *fixture, int64_t id)
{
	place(fixture, id);
	DO(store_order_finalizing(fixture->store->store, id, &err));
}

static inline void validate(struct book_fixture *fixture, int64_t id, const char *names)
{
	AUTO_STRS list = list_of(names);

	DO(book_valid(&fixture->book, id, &list, &err));
}

/* Its certificate, as if it was issued `at`. */
static inline struct store_cert cert_of(int64_t id, const char *names, int64_t at)
{
	AUTO_FREE char *leaf = mem_fmt("%064lld", (long long)id);
	struct store_cert cert = make_cert(leaf, names);

	cert.not_before_at = START + at - 3510;
	cert.issued_at = START + at;
	return cert;
}

static inline void book_cert(struct book_fixture *fixture, int64_t id, const char *names, int64_t at)
{
	AUTO(store_cert_done) struct store_cert cert = cert_of(id, names, at);

	DO(book_issued(&fixture->book, id, &cert, NS(at), &err));
}

/* From admission to the certificate in one moment. */
static inline void issue(struct book_fixture *fixture, const char *names, int64_t at)
{
	int64_t id = admitted(fixture, names, at);

	finalize(fixture, id);
	book_cert(fixture, id, names, at);
}

/* Certificates for `count` new names of example.com, 100 at most. */
static inline void issue_many(struct book_fixture *fixture, const char *prefix, int count, int64_t at)
{
	struct strs names[100] = { 0 };
	char *leaves[100];
	struct book_found found[100];

	assert_in_range(count, 0, 100);
	for (int i = 0; i < count; i++) {
		leaves[i] = mem_fmt("%s %d", prefix, i);
		strs_addf(&names[i], "%s%d.example.com", prefix, i);
		found[i] = (struct book_found){ leaves[i], &names[i], NS(at - 3510), NS(at) };
	}
	DO(book_adopt(&fixture->book, found, (size_t)count, false, NS(at), &err));
	for (int i = 0; i < count; i++) {
		free(leaves[i]);
		strs_done(&names[i]);
	}
}

/* ---- looks ---- */

/* "used reserved free" of a bucket; a full one without reservations is "-". */
static inline void assert_bucket(struct book_fixture *fixture, enum limit limit, const char *bucket, int64_t at, const char *wanted)
{
	AUTO(book_buckets_done) struct book_buckets buckets = { 0 };
	AUTO_FREE char *text = mem_strdup("-");

	DO(book_list(&fixture->book, bucket, NULL, NS(at), &buckets, &err));
	for (size_t i = 0; i < buckets.count; i++) {
		const struct book_bucket *found = &buckets.items[i];

		if (found->limit != limit || strcmp(found->bucket, bucket) != 0)
			continue;
		free(text);
		text = mem_fmt("%lld %lld %lld", (long long)found->used, (long long)found->reserved, (long long)found->free);
	}
	assert_string_equal(text, wanted);
}

#define assert_domain(fixture, at, wanted) assert_bucket(fixture, LIMIT_DOMAIN, "example.com", at, wanted)

#endif
