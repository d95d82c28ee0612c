/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include "flow/actions.h"
#include "flow/budget.h"
#include "flow/settings.h"
#include "view/budget.h"

#define CONFIG "lib/config/letsencrypt/"
#define DAY_S INT64_C(86400)

static void look(struct desk *desk, const char *word, struct view_budget *ret_budget)
{
	if (!view_budget(&desk->context, word, ret_budget, &desk->err))
		fail_msg("%s", desk->err.text);
}

static const struct view_bucket *bucket_of(const struct view_budget *budget, const char *limit, const char *bucket)
{
	assert_int_equal(budget->ca_count, 1);
	for (size_t i = 0; i < budget->cas[0].bucket_count; i++)
		if (strcmp(budget->cas[0].buckets[i].limit, limit) == 0 && (!bucket || strcmp(budget->cas[0].buckets[i].bucket, bucket) == 0))
			return &budget->cas[0].buckets[i];
	return NULL;
}

/* A certificate that the app got so many seconds ago. */
static void issue(struct desk *desk, const char *app, const char *name, int number, int64_t ago_s)
{
	struct budget *budget = budget_open(&desk->context, SERVER_PRODUCTION, &desk->err);
	AUTO_FREE char *leaf = mem_fmt("%064d", number);
	char empty[] = "", server[] = SERVER_PRODUCTION, type[] = "ec256";
	AUTO_STRS names = { 0 };
	int64_t now_ns = clock_now(&desk->context.clock) * NS_PER_S;
	int64_t at_ns = now_ns - ago_s * NS_PER_S;

	assert_non_null(budget);
	strs_add(&names, name);
	const struct store_cert row = {
		.leaf = leaf, .server = server, .account_url = empty, .profile = empty, .key_type = type, .names = names, .issuer = empty, .ari_id = empty,
		.window_url = empty, .not_before_at = at_ns / NS_PER_S, .not_after_at = at_ns / NS_PER_S + 7776000, .issued_at = at_ns / NS_PER_S,
	};
	const struct book_found found = { .leaf = leaf, .names = &names, .not_before_ns = at_ns, .issued_ns = at_ns };
	assert_true(store_cert_put(desk->context.store, &row, &desk->err));
	assert_true(store_app_uses(desk->context.store, app, leaf, &desk->err));
	assert_true(book_adopt(&budget->book, &found, 1, false, now_ns, &desk->err));
}

static void it_says_what_is_used_and_by_whom(void **state)
{
	struct desk *desk = *state;
	AUTO(view_budget_done) struct view_budget all = { 0 };

	issue(desk, "blog", "blog.example.com", 1, DAY_S);
	issue(desk, "shop", "shop.example.com", 2, 0);
	issue(desk, "docs", "docs.example.org", 3, 0);
	look(desk, NULL, &all);
	assert_string_equal(all.cas[0].name, "Let's Encrypt");
	assert_true(all.cas[0].has_limits);
	assert_string_equal(all.cas[0].origin, "the plugin");
	const struct view_bucket *domain = bucket_of(&all, "CertificatesPerDomain", "example.com");
	assert_non_null(domain);
	assert_string_equal(domain->title, "new certificates for example.com");
	assert_int_equal(domain->size, 50);
	assert_int_equal(domain->kept, 5);
	assert_int_equal(domain->used, 1);
	assert_int_equal(domain->free, 49);
	assert_int_equal(domain->use_count, 1);
	assert_string_equal(domain->uses[0].app, "shop");
	assert_true(domain->full_at > clock_now(&desk->context.clock));
	const struct view_bucket *set = bucket_of(&all, "CertificatesPerFQDNSet", NULL);
	assert_non_null(set);
	assert_non_null(strstr(set->title, "certificates for exactly "));
}

static void a_renewal_used_none_of_the_domain(void **state)
{
	struct desk *desk = *state;
	AUTO(view_budget_done) struct view_budget all = { 0 };

	issue(desk, "blog", "blog.example.com", 1, 60 * DAY_S);
	issue(desk, "shop", "shop.example.com", 3, 10);
	issue(desk, "blog", "blog.example.com", 2, 0);
	look(desk, NULL, &all);
	const struct view_bucket *domain = bucket_of(&all, "CertificatesPerDomain", "example.com");
	assert_int_equal(domain->used, 1);
	assert_int_equal(domain->use_count, 1);
	assert_string_equal(domain->uses[0].app, "shop");
	assert_int_equal(domain->unknown_count, 0);
}

static void of_an_app_full_buckets_too(void **state)
{
	struct desk *desk = *state;
	AUTO(view_budget_done) struct view_budget blog = { 0 };

	issue(desk, "docs", "docs.example.org", 3, 0);
	issue(desk, "blog", "old.blog.example.com", 4, DAY_S);
	look(desk, "blog", &blog);
	assert_true(blog.is_of_app);
	const struct view_bucket *domain = bucket_of(&blog, "CertificatesPerDomain", "example.com");
	assert_int_equal(domain->free, 50);
	assert_int_equal(domain->full_at, 0);
	assert_non_null(bucket_of(&blog, "NewOrdersPerAccount", ""));
	assert_non_null(bucket_of(&blog, "FailedAuthorizationsPerDomainPerAccount", ":blog.example.com"));
	assert_non_null(bucket_of(&blog, "CertificatesPerFQDNSet", NULL));
	assert_string_equal(bucket_of(&blog, "CertificatesPerFQDNSet", NULL)->title, "certificates for exactly blog.example.com");
	assert_null(bucket_of(&blog, "CertificatesPerDomain", "example.org"));
	assert_int_equal(blog.cas[0].bucket_count, 4);
}

static void of_a_domain_its_registered_one(void **state)
{
	struct desk *desk = *state;
	AUTO(view_budget_done) struct view_budget some = { 0 };
	AUTO(view_budget_done) struct view_budget full = { 0 };
	AUTO(view_budget_done) struct view_budget none = { 0 };

	issue(desk, "docs", "docs.example.org", 3, 0);
	issue(desk, "shop", "shop.example.com", 2, 0);
	look(desk, "*.Docs.example.org", &some);
	assert_int_equal(bucket_of(&some, "CertificatesPerDomain", "example.org")->used, 1);
	assert_non_null(bucket_of(&some, "CertificatesPerFQDNSet", NULL));
	assert_int_equal(some.cas[0].bucket_count, 2);
	look(desk, "example.net", &full);
	assert_int_equal(full.cas[0].bucket_count, 1);
	assert_int_equal(full.cas[0].buckets[0].free, 50);
	assert_false(view_budget(&desk->context, "nope", &none, &desk->err));
	assert_int_equal(desk->err.kind, ERR_NO_APP);
}

/* One that waits for a unit of the domain. */
static void wait_for(struct desk *desk, const char *app, int64_t place, int64_t until_at)
{
	char empty[] = "", server[] = SERVER_PRODUCTION, type[] = "ec256", reason[] = "enable", bucket[] = "example.com", limit[] = "CertificatesPerDomain";
	char message[] = "used up";
	AUTO_FREE char *app_copy = mem_strdup(app);
	const struct store_wait wait = { .app = app_copy, .server = server, .account_url = empty, .profile = empty, .key_type = type, .replaces = empty,
					 .reason = reason, .until_at = until_at, .limit_name = limit, .bucket = bucket, .message = message, .place = place };

	assert_non_null(context_store(&desk->context, &desk->err));
	assert_true(store_wait_put(desk->context.store, &wait, 1, &desk->err));
}

static void it_says_who_waits(void **state)
{
	struct desk *desk = *state;
	int64_t now_at = clock_now(&desk->context.clock);
	AUTO(view_budget_done) struct view_budget all = { 0 };

	issue(desk, "shop", "shop.example.com", 2, 0);
	wait_for(desk, "later", 2, now_at + 200);
	wait_for(desk, "next", 1, now_at + 100);
	wait_for(desk, "refused", 0, now_at + 100);
	wait_for(desk, "not-any-more", 0, 0);
	look(desk, NULL, &all);
	const struct view_waits *waits = &bucket_of(&all, "CertificatesPerDomain", "example.com")->waits;
	assert_int_equal(waits->count, 2);
	assert_string_equal(waits->items[0].app, "next");
	assert_string_equal(waits->items[1].app, "later");
	assert_int_equal(waits->items[1].until_at, now_at + 200);
	assert_int_equal(all.cas[0].waits.count, 1);
	assert_string_equal(all.cas[0].waits.items[0].app, "refused");
	assert_string_equal(all.cas[0].waits.items[0].why, "used up");
	assert_string_equal(all.cas[0].buckets[0].bucket, "example.com");
}

/* What the last run wrote down is asked anew. */
static void places_are_as_they_are_now(void **state)
{
	struct desk *desk = *state;
	int64_t now_at = clock_now(&desk->context.clock);
	AUTO(view_budget_done) struct view_budget all = { 0 };

	folder_write(&desk->tree->folder, "home/shop/VHOST", "shop.example.org\n", 0644);
	for (int i = 0; i < 45; i++) {
		AUTO_FREE char *name = mem_fmt("n%d.example.com", i);

		issue(desk, "other", name, i + 1, 1);
	}
	wait_for(desk, "blog", 9, now_at + 5);
	wait_for(desk, "shop", 10, now_at + 5);
	look(desk, "example.com", &all);
	const struct view_waits *waits = &bucket_of(&all, "CertificatesPerDomain", "example.com")->waits;
	assert_int_equal(waits->count, 1);
	assert_string_equal(waits->items[0].app, "blog");
	assert_int_equal(waits->items[0].place, 1);
	assert_in_range(waits->items[0].until_at, now_at + 12000, now_at + 12200);
	assert_int_equal(all.cas[0].waits.count, 0);
}

static void a_pause_lasts_until_somebody_says_that_it_is_lifted(void **state)
{
	struct desk *desk = *state;
	const struct budget *budget = budget_open(&desk->context, SERVER_PRODUCTION, &desk->err);
	AUTO_STRS names = { 0 };
	AUTO(view_budget_done) struct view_budget paused = { 0 };
	AUTO(view_budget_done) struct view_budget lifted = { 0 };

	assert_non_null(budget);
	strs_add(&names, "blog.example.com");
	assert_true(book_refused(&budget->book, "", &names, INT64_MAX, "https://ca.example/unpause", "too many failures", &desk->err));
	wait_for(desk, "blog", 0, INT64_MAX);
	look(desk, "blog", &paused);
	assert_int_equal(paused.cas[0].waits.count, 1);
	assert_true(paused.cas[0].waits.items[0].until_at == INT64_MAX);
	assert_non_null(strstr(paused.cas[0].waits.items[0].why, "https://ca.example/unpause"));
	assert_false(budget_unpause(&desk->context, "nope", &desk->err));
	assert_true(budget_unpause(&desk->context, NULL, &desk->err));
	look(desk, "blog", &lifted);
	assert_int_equal(lifted.cas[0].waits.count, 0);
}

static void caps_of_groups_are_shown(void **state)
{
	struct desk *desk = *state;
	AUTO(view_budget_done) struct view_budget all = { 0 };
	AUTO(view_budget_done) struct view_budget app = { 0 };
	AUTO(view_budget_done) struct view_budget other = { 0 };

	folder_write(&desk->tree->folder, "home/shop/VHOST", "shop.example.com\n", 0644);
	folder_write(&desk->tree->folder, CONFIG "--global/group-web", "blog docs", 0600);
	folder_write(&desk->tree->folder, CONFIG "--global/share-web", "20%", 0600);
	issue(desk, "shop", "shop.example.com", 2, 0);
	look(desk, NULL, &all);
	assert_int_equal(all.group_count, 1);
	assert_string_equal(all.groups[0].name, "web");
	assert_int_equal(all.groups[0].units, 20);
	assert_true(all.groups[0].is_percent);
	look(desk, "blog", &app);
	const struct view_bucket *share = bucket_of(&app, "Share", "web:example.com");
	assert_non_null(share);
	assert_int_equal(share->size, 10);
	assert_string_equal(share->title, "new certificates for example.com, share of group web");
	look(desk, "shop", &other);
	assert_int_equal(bucket_of(&other, "CertificatesPerDomain", "example.com")->used, 1);
	assert_null(bucket_of(&other, "Share", "web:example.com"));
}

/* Only what concerns the apps that the caller sees, and the others without their names. */
static void others_have_no_name(void **state)
{
	struct desk *desk = *state;
	AUTO(view_budget_done) struct view_budget all = { 0 };

	folder_write(&desk->tree->folder, "home/shop/VHOST", "shop.example.com\n", 0644);
	folder_write(&desk->tree->folder, "home/docs/VHOST", "docs.example.org\n", 0644);
	issue(desk, "shop", "shop.example.com", 2, 0);
	issue(desk, "docs", "docs.example.org", 3, 0);
	wait_for(desk, "elsewhere", 1, clock_now(&desk->context.clock) + 100);
	folder_write(&desk->tree->folder, "lib/plugins/enabled/filter/user-auth-app", "#!/bin/sh\n", 0755);
	folder_write(&desk->tree->folder, "plugn.d/app-list", "echo blog\n", 0644);
	look(desk, NULL, &all);
	const struct view_bucket *domain = bucket_of(&all, "CertificatesPerDomain", "example.com");
	assert_int_equal(domain->use_count, 1);
	assert_string_equal(domain->uses[0].app, "another app");
	assert_string_equal(domain->waits.items[0].app, "another app");
	assert_string_equal(domain->waits.items[0].why, "");
	assert_null(bucket_of(&all, "CertificatesPerDomain", "example.org"));
	assert_null(bucket_of(&all, "CertificatesPerFQDNSet", NULL));
}

static void a_ca_without_limits_is_named(void **state)
{
	struct desk *desk = *state;
	AUTO(view_budget_done) struct view_budget all = { 0 };

	folder_write(&desk->tree->folder, CONFIG "--global/server", "https://ca.example:14000/directory", 0600);
	look(desk, NULL, &all);
	assert_int_equal(all.ca_count, 1);
	assert_string_equal(all.cas[0].name, "ca.example:14000");
	assert_false(all.cas[0].has_limits);
	assert_int_equal(all.cas[0].bucket_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(it_says_what_is_used_and_by_whom),
		DESK_TEST(a_renewal_used_none_of_the_domain),
		DESK_TEST(of_an_app_full_buckets_too),
		DESK_TEST(of_a_domain_its_registered_one),
		DESK_TEST(it_says_who_waits),
		DESK_TEST(places_are_as_they_are_now),
		DESK_TEST(a_pause_lasts_until_somebody_says_that_it_is_lifted),
		DESK_TEST(caps_of_groups_are_shown),
		DESK_TEST(others_have_no_name),
		DESK_TEST(a_ca_without_limits_is_named),
	};

	return cmocka_run_group_tests_name("view/budget", tests, NULL, NULL);
}
