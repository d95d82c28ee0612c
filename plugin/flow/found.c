/* SPDX-License-Identifier: MIT */
/* Certificates of another client, from root's hand into a file for the platform's user. Keys lie beside them: what is opened is chosen by its name. */
#include "flow/found.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "budget/gcra.h"
#include "crypto/cert.h"
#include "flow/context.h"
#include "json/read.h"
#include "json/write.h"
#include "platform/platform.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/text.h"
#include "util/when.h"

#define FOUND_FILE "found.json"
#define FOUND_MODE 0640
#define FOUND_MAX ((size_t)64 * 1024 * 1024)
#define PEM_MAX ((size_t)512 * 1024)
#define CERT_PREFIX "cert"
#define CERT_SUFFIX ".pem"

void found_certs_done(struct found_certs *certs)
{
	for (size_t i = 0; i < certs->count; i++) {
		free(certs->items[i].leaf);
		free(certs->items[i].serial);
		strs_done(&certs->items[i].names);
		free(certs->items[i].issuer);
		free(certs->items[i].organization);
	}
	free(certs->items);
	*certs = (struct found_certs){ 0 };
}

bool found_is_recent(int dir_fd, const char *name, int64_t now_at)
{
	return file_stamp(dir_fd, name).mtime_ns / NS_PER_S >= now_at - FOUND_AGE_S;
}

/* ---- reading ---- */

static const struct json_field cert_fields[] = {
	JSON_STR("leaf", struct found_cert, leaf, true),
	JSON_STR("serial", struct found_cert, serial, true),
	JSON_STRS("names", struct found_cert, names, true),
	JSON_STR("issuer", struct found_cert, issuer, true),
	JSON_STR("issuer-organization", struct found_cert, organization, true),
	JSON_INT("not-before", struct found_cert, not_before_at, true),
	JSON_INT("not-after", struct found_cert, not_after_at, true),
	JSON_INT("sct", struct found_cert, sct_at, true),
	JSON_END
};
struct file {
	struct json_array certificates;
};
static const struct json_field file_fields[] = {
	JSON_OBJS("certificates", struct file, certificates, cert_fields, struct found_cert, true),
	JSON_END
};

bool found_read(struct context *context, struct found_certs *ret_certs, struct err *err)
{
	AUTO_BUF text = BUF_MAX(FOUND_MAX);
	int global_fd = platform_global_fd(context->platform, err);
	struct file file = { 0 };
	struct err ignored = { 0 };
	bool makes_sense = false;

	if (global_fd < 0)
		return false;
	if (!file_read(global_fd, FOUND_FILE, &text, &ignored))
		return true;
	makes_sense = json_read(buf_text(&text), text.size, file_fields, &file, &ignored);
	AUTO(found_certs_done) struct found_certs certs = { .items = file.certificates.items, .count = file.certificates.count };
	if (makes_sense) {
		*ret_certs = certs;
		certs = (struct found_certs){ 0 };
	}
	return true;
}

/* ---- writing ---- */

struct writing {
	struct context *context;
	int64_t now_at;
	struct found_certs known; /* as they were written last time: what is among them is not read again */
	struct strs paths;        /* where live/ led: looked at already */
	struct json *list;
};

static void writing_done(struct writing *writing)
{
	found_certs_done(&writing->known);
	strs_done(&writing->paths);
}

static void leave_out(const struct writing *writing, const char *path, const char *why)
{
	talk_say(&writing->context->talk, TALK_WARN, NULL, "'%s' is left out of the budget: %s", path, why);
}

/* "cert.pem", "cert12.pem": never one of the names that keys and chains have. */
static bool is_certificate_name(const char *name)
{
	if (!text_starts(name, CERT_PREFIX) || !text_ends(name, CERT_SUFFIX))
		return false;
	const char *digits = name + strlen(CERT_PREFIX);
	return strspn(digits, "0123456789") == strlen(digits) - strlen(CERT_SUFFIX);
}

static void append(struct writing *writing, const struct found_cert *cert)
{
	struct json *object = NULL;

	if (cert->not_before_at < writing->now_at - FOUND_AGE_S)
		return;
	object = json_new_object();
	json_set_str(object, "leaf", cert->leaf);
	json_set_str(object, "serial", cert->serial);
	json_set_strs(object, "names", &cert->names);
	json_set_str(object, "issuer", cert->issuer);
	json_set_str(object, "issuer-organization", cert->organization);
	json_set_int(object, "not-before", cert->not_before_at);
	json_set_int(object, "not-after", cert->not_after_at);
	json_set_int(object, "sct", cert->sct_at);
	json_append(writing->list, object);
}

static bool append_known(struct writing *writing, const char *leaf)
{
	for (size_t i = 0; i < writing->known.count; i++) {
		if (strcmp(writing->known.items[i].leaf, leaf) != 0)
			continue;
		append(writing, &writing->known.items[i]);
		return true;
	}
	return false;
}

static bool append_new(struct writing *writing, const char *pem, struct err *err)
{
	AUTO(cert_done) struct cert cert = { 0 };

	if (!cert_read_leaf(pem, &cert, err))
		return false;
	append(writing, &(struct found_cert){
		.leaf = cert.leaf_sha256,
		.serial = cert.serial,
		.names = cert.names,
		.issuer = cert.issuer,
		.organization = cert.issuer_org,
		.not_before_at = cert.not_before_at,
		.not_after_at = cert.not_after_at,
		.sct_at = cert.sct_at,
	});
	return true;
}

static void add_file(struct writing *writing, int dir_fd, const char *name, const char *path)
{
	AUTO_BUF pem = BUF_MAX(PEM_MAX);
	char leaf[65];
	struct err err = { 0 };

	if (!found_is_recent(dir_fd, name, writing->now_at))
		return;
	if (!file_read(dir_fd, name, &pem, &err) || !cert_leaf_sha256(buf_text(&pem), leaf, &err) ||
	    (!append_known(writing, leaf) && !append_new(writing, buf_text(&pem), &err)))
		leave_out(writing, path, err.text);
}

/* The folder of the lineage in archive/: all certificates that it ever had. */
static void add_archive(struct writing *writing, int lineage_fd, const char *path)
{
	AUTO_STRS names = { 0 };
	struct err err = { 0 };

	if (!dir_list(lineage_fd, &names, &err)) {
		leave_out(writing, path, err.text);
		return;
	}
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *file = mem_fmt("%s/%s", path, names.items[i]);

		if (is_certificate_name(names.items[i]) && !strs_has(&writing->paths, file))
			add_file(writing, lineage_fd, names.items[i], file);
	}
}

/* Of the lineage in live/ the certificate in use. It is a link into archive/, as a rule: followed, but only to a certificate. */
static void add_live(struct writing *writing, int lineage_fd, const char *path)
{
	AUTO_FREE char *link = mem_fmt("%s/" CERT_PREFIX CERT_SUFFIX, path);
	AUTO_FREE char *target = NULL;
	char *slash = NULL;
	struct err err = { 0 };

	if (!file_exists(lineage_fd, CERT_PREFIX CERT_SUFFIX))
		return;
	target = realpath(link, NULL);
	slash = target ? strrchr(target, '/') : NULL;
	if (!slash || !is_certificate_name(slash + 1)) {
		leave_out(writing, link, target ? "it leads to a file that is not called like a certificate" : "it leads nowhere");
		return;
	}
	AUTO_FREE char *parent = mem_strndup(target, (size_t)(slash - target));
	AUTO_FD dir_fd = dir_open(parent, &err);
	if (dir_fd < 0)
		leave_out(writing, link, err.text);
	else if (strs_add_new(&writing->paths, target))
		add_file(writing, dir_fd, slash + 1, target);
}

/* Each lineage is a folder below `part` of certbot's folder. */
static void add_lineages(struct writing *writing, const char *folder, const char *part, void (*add)(struct writing *, int, const char *))
{
	AUTO_FREE char *path = mem_fmt("%s/%s", folder, part);
	AUTO_STRS lineages = { 0 };
	struct err err = { 0 };
	AUTO_FD dir_fd = dir_open(path, &err);

	if (dir_fd < 0 || !dir_list(dir_fd, &lineages, &err)) {
		if (err.kind != ERR_MISSING)
			leave_out(writing, path, err.text);
		return;
	}
	for (size_t i = 0; i < lineages.count; i++) {
		AUTO_FREE char *lineage = mem_fmt("%s/%s", path, lineages.items[i]);
		struct err ignored = { 0 };
		AUTO_FD lineage_fd = dir_open(lineage, &ignored);

		/* Certbot's README lies there, too. */
		if (lineage_fd >= 0)
			add(writing, lineage_fd, lineage);
	}
}

static bool says_same(int global_fd, const char *text)
{
	AUTO_BUF known = BUF_MAX(FOUND_MAX);
	struct err ignored = { 0 };

	return file_read(global_fd, FOUND_FILE, &known, &ignored) && strcmp(buf_text(&known), text) == 0;
}

bool found_write(struct context *context, const char *folder, struct err *err)
{
	AUTO_FREE char *root = realpath(folder, NULL);
	if (!root)
		return err_sys(err, "open folder '%s'", folder);

	AUTO_JSON *object = json_new_object();
	AUTO(writing_done) struct writing writing = { .context = context, .now_at = clock_now(&context->clock), .list = json_new_list() };
	int global_fd = platform_global_fd(context->platform, err);
	AUTO_FREE char *text = NULL;

	json_set(object, "certificates", writing.list);
	if (global_fd < 0 || !found_read(context, &writing.known, err))
		return false;
	add_lineages(&writing, root, "live", add_live);
	add_lineages(&writing, root, "archive", add_archive);
	text = json_text(object);
	file_sweep(global_fd, WHEN_HOUR);
	return says_same(global_fd, text) || file_replace(global_fd, FOUND_FILE, text, strlen(text), FOUND_MODE, err);
}

