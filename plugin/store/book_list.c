/* SPDX-License-Identifier: MIT */
/* What the book knows, to be shown: its buckets, and the certificates that they were spent on. */
#include "store/book_inner.h"

#include <stdlib.h>
#include <string.h>

#include "util/err.h"
#include "util/mem.h"

/* So long after a book was lost buckets that look full may not be: longer than any takes to become full. */
#define UNPROVEN_LIFE_NS (30 * 86400 * NS_PER_S)

/* ---- buckets ---- */

void book_buckets_done(struct book_buckets *buckets)
{
	for (size_t i = 0; i < buckets->count; i++)
		free(buckets->items[i].bucket);
	free(buckets->items);
	*buckets = (struct book_buckets){ 0 };
}

/* What is looked at, and where it goes. */
struct listing {
	const struct book *book;
	const struct book_shares *shares;
	int64_t now_ns;
	struct book_buckets buckets;
};

static void listing_done(struct listing *listing)
{
	book_buckets_done(&listing->buckets);
}

/* The rate of the cap with this bucket. False: the group has none any more. */
static bool cap_rate(const struct listing *listing, const char *bucket, struct rate *ret_rate)
{
	size_t size = strcspn(bucket, ":");
	const struct rate *domain = bucket[size] == ':' ? bucket_rate(listing->book, LIMIT_DOMAIN, bucket + size + 1) : NULL;

	for (size_t i = 0; domain && listing->shares && i < listing->shares->count; i++) {
		const struct book_share *share = &listing->shares->items[i];

		if (strlen(share->group) == size && memcmp(share->group, bucket, size) == 0)
			return share_rate(share, domain, ret_rate);
	}
	return false;
}

/* False: no limit is known for it any more. */
static bool find_rate(const struct listing *listing, const char *name, struct book_bucket *bucket)
{
	const struct rate *rate;

	bucket->is_share = strcmp(name, SHARE) == 0;
	bucket->limit = LIMIT_DOMAIN;
	if (bucket->is_share)
		return cap_rate(listing, bucket->bucket, &bucket->rate);
	if (!limit_find(name, &bucket->limit))
		return false;
	rate = bucket_rate(listing->book, bucket->limit, bucket->bucket);
	if (rate)
		bucket->rate = *rate;
	return rate;
}

/* False: it is full, and nobody has reserved anything. */
static bool fill(int64_t now_ns, const struct stand *stand, struct book_bucket *bucket)
{
	int64_t remaining = gcra_remaining(&bucket->rate, stand->tat_ns, now_ns);
	int64_t room = remaining - stand->reserved;

	bucket->used = bucket->rate.burst - remaining;
	bucket->reserved = stand->reserved;
	bucket->free = room > 0 ? room : 0;
	bucket->next_unit_at_ns = gcra_next_unit_at(&bucket->rate, stand->tat_ns, now_ns);
	bucket->full_at_ns = gcra_full_at(stand->tat_ns, now_ns);
	return stand->reserved > 0 || stand->tat_ns > now_ns;
}

static void read_bucket(struct query *query, struct listing *listing)
{
	struct book_buckets *buckets = &listing->buckets;
	AUTO_FREE char *name = query_read_text(query);
	AUTO_FREE char *key = query_read_text(query);
	struct book_bucket bucket = { .bucket = key };
	struct stand stand = { 0 };

	stand.tat_ns = query_read_int(query);
	stand.reserved = query_read_int(query);
	if (!find_rate(listing, name, &bucket))
		return;
	/* No admission looks at failures in a row: nobody counts them as used up. */
	if (bucket.limit != LIMIT_PAUSING)
		stand.tat_ns = tat_unproven(listing->book, &bucket.rate, stand.tat_ns);
	if (!fill(listing->now_ns, &stand, &bucket))
		return;
	buckets->items = items_grow(buckets->items, buckets->count, sizeof(*buckets->items));
	bucket.bucket = mem_take(&key);
	buckets->items[buckets->count++] = bucket;
}

static int compare(const void *a, const void *b)
{
	const struct book_bucket *left = a;
	const struct book_bucket *right = b;

	if (left->limit != right->limit)
		return left->limit < right->limit ? -1 : 1;
	if (left->is_share != right->is_share)
		return left->is_share ? 1 : -1;
	return strcmp(left->bucket, right->bucket);
}

bool book_list(const struct book *book, const char *like, const struct book_shares *shares, int64_t now_ns, struct book_buckets *ret_buckets, struct err *err)
{
	AUTO(listing_done) struct listing listing = { .book = book, .shares = shares, .now_ns = now_ns };
	bool is_unproven = book->unproven_ns != 0 && now_ns < ns_add(book->unproven_ns, UNPROVEN_LIFE_NS);
	AUTO_QUERY query = db_query(book->store->db,
		"SELECT limit_name, bucket, max(tat_ns), sum(units) FROM ("
		" SELECT limit_name, bucket, tat_ns, 0 AS units FROM buckets WHERE ca = ?1 AND tat_ns > ?2"
		" UNION ALL SELECT limit_name, bucket, ?2, units FROM reservations WHERE ca = ?1 AND units = 1)"
		" WHERE ?3 = '' OR bucket = ?3 OR (substr(bucket, -length(?3)) = ?3 AND substr(bucket, -length(?3) - 1, 1) IN ('.', ':'))"
		" GROUP BY limit_name, bucket");

	query_bind_text(&query, book->ca);
	query_bind_int(&query, is_unproven ? GCRA_UNTOUCHED : now_ns);
	query_bind_text(&query, like);
	while (query_step(&query))
		read_bucket(&query, &listing);
	if (!query_end(&query, err))
		return false;
	if (listing.buckets.count > 1)
		qsort(listing.buckets.items, listing.buckets.count, sizeof(*listing.buckets.items), compare);
	*ret_buckets = listing.buckets;
	listing.buckets = (struct book_buckets){ 0 };
	return true;
}

/* ---- certificates ---- */

void book_uses_done(struct book_uses *uses)
{
	for (size_t i = 0; i < uses->count; i++) {
		free(uses->items[i].leaf);
		free(uses->items[i].app);
		strs_done(&uses->items[i].names);
	}
	free(uses->items);
	*uses = (struct book_uses){ 0 };
}

bool book_used(const struct book *book, int64_t since_ns, struct book_uses *ret_uses, struct err *err)
{
	AUTO(book_uses_done) struct book_uses uses = { 0 };
	AUTO_QUERY query = db_query(book->store->db,
		"SELECT leaf, iif(booked.app <> '', booked.app, users.app), names, rule = 'new', issued_ns FROM booked LEFT JOIN certs USING (leaf)"
		" LEFT JOIN (SELECT leaf, min(app) AS app FROM apps WHERE leaf IS NOT NULL GROUP BY leaf) AS users USING (leaf)"
		" WHERE ca = ? AND issued_ns >= ? ORDER BY issued_ns, leaf");

	query_bind_text(&query, book->ca);
	query_bind_int(&query, since_ns);
	while (query_step(&query)) {
		uses.items = items_grow(uses.items, uses.count, sizeof(*uses.items));
		struct book_use *use = &uses.items[uses.count++];
		use->leaf = query_read_text(&query);
		use->app = query_read_text(&query);
		use->names = names_read(&query);
		use->is_new = query_read_int(&query) != 0;
		use->issued_ns = query_read_int(&query);
	}
	if (!query_end(&query, err))
		return false;
	*ret_uses = uses;
	uses = (struct book_uses){ 0 };
	return true;
}
