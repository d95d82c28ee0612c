/* SPDX-License-Identifier: MIT */
#include "tests/unit/flow/desk.h"

#include "flow/footprint.h"
#include "sys/dir.h"
#include "sys/file.h"

/* What the bash plugin's files say of a certificate. */

#define LATER ((int64_t)4000000000)
#define CERTS "home/blog/letsencrypt/certs/"

static char *make_certificate(long serial)
{
	return pem_certificate(serial, "blog.example.com", LATER - 1000, LATER);
}

/* Of the certificate in tls/ of "blog". */
static enum footprint footprint(struct desk *desk, const char *pem)
{
	AUTO_FREE char *tls = folder_path(&desk->tree->folder, "home/blog/tls");
	AUTO_FD tls_fd = -1;
	char leaf[65];

	folder_write(&desk->tree->folder, "home/blog/tls/server.crt", pem, 0640);
	tls_fd = dir_open(tls, &desk->err);
	assert_true(tls_fd >= 0);
	assert_true(cert_leaf_sha256(pem, leaf, &desk->err));
	return footprint_of(&desk->context, "blog", tls_fd, leaf);
}

static void point(struct desk *desk, const char *target)
{
	AUTO_FREE char *link = folder_path(&desk->tree->folder, CERTS "current");
	AUTO_FREE char *path = *target == '/' ? folder_path(&desk->tree->folder, target + 1) : mem_strdup(target);

	(void)unlink(link);
	assert_int_equal(symlink(path, link), 0);
}

static void the_one_that_current_leads_to(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *pem = make_certificate(1);

	folder_write(&desk->tree->folder, CERTS "abc/certificates/other.example.com.crt", pem, 0600);
	point(desk, "/home/blog/letsencrypt/certs/abc");
	assert_int_equal(footprint(desk, pem), FOOTPRINT_IN_USE);
	/* A run that was killed had not replaced the copy yet. */
	folder_write(&desk->tree->folder, "home/blog/tls/server.letsencrypt.crt", "an older one", 0640);
	assert_int_equal(footprint(desk, pem), FOOTPRINT_IN_USE);
}

static void the_one_from_before_lego(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *pem = make_certificate(1);

	folder_write(&desk->tree->folder, CERTS "abc/fullchain.pem", pem, 0600);
	point(desk, "/home/blog/letsencrypt/certs/abc");
	assert_int_equal(footprint(desk, pem), FOOTPRINT_IN_USE);
}

/* A clone has the link of the app that it was made from; nobody's issuer is its certificate. */
static void a_link_out_of_the_app_counts_for_nothing(void **state)
{
	static const char *const targets[] = { "/home/shop/letsencrypt/certs/abc", "/home/blog/letsencrypt/certs/../certs/abc", "abc", "/home/blog/letsencrypt/certs/gone" };
	struct desk *desk = *state;
	AUTO_FREE char *pem = make_certificate(1);

	folder_write(&desk->tree->folder, "home/shop/letsencrypt/certs/abc/certificates/blog.example.com.crt", pem, 0600);
	folder_write(&desk->tree->folder, CERTS "abc/certificates/blog.example.com.crt", pem, 0600);
	for (size_t i = 0; i < COUNT(targets); i++) {
		point(desk, targets[i]);
		assert_int_equal(footprint(desk, pem), FOOTPRINT_OTHER);
	}
	folder_write(&desk->tree->folder, "home/blog/tls/server.letsencrypt.crt", pem, 0640);
	assert_int_equal(footprint(desk, pem), FOOTPRINT_COPY);
}

static void only_the_copy_beside_it(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *pem = make_certificate(1);
	AUTO_FREE char *other = make_certificate(2);

	assert_int_equal(footprint(desk, pem), FOOTPRINT_NONE);
	folder_write(&desk->tree->folder, "home/blog/tls/server.letsencrypt.crt", pem, 0640);
	assert_int_equal(footprint(desk, pem), FOOTPRINT_COPY);
	assert_int_equal(footprint(desk, other), FOOTPRINT_OTHER);
}

static void the_server_is_that_of_current(void **state)
{
	struct desk *desk = *state;
	AUTO_FREE char *none = footprint_server(&desk->context, "blog");

	assert_string_equal(none, "");
	folder_write(&desk->tree->folder, CERTS "abc/config", "--http --server https://ca.test/dir --email a@b.test    --domains blog.example.com\n", 0600);
	point(desk, "/home/blog/letsencrypt/certs/abc");
	AUTO_FREE char *server = footprint_server(&desk->context, "blog");
	assert_string_equal(server, "https://ca.test/dir");
	folder_write(&desk->tree->folder, CERTS "abc/config", "--http --server", 0600);
	AUTO_FREE char *cut = footprint_server(&desk->context, "blog");
	assert_string_equal(cut, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(the_one_that_current_leads_to),
		DESK_TEST(the_one_from_before_lego),
		DESK_TEST(a_link_out_of_the_app_counts_for_nothing),
		DESK_TEST(only_the_copy_beside_it),
		DESK_TEST(the_server_is_that_of_current),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
