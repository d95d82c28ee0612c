/* SPDX-License-Identifier: MIT */
/* The certificate chain of an order, and the choice between several of them. RFC 8555 §7.4.2, §9.1. */
#include "acme/chain.h"

#include <string.h>

#include "acme/acme.h"
#include "acme/order.h"
#include "acme/request.h"
#include "crypto/cert.h"
#include "net/header.h"
#include "net/http.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/mem.h"

#define CHAIN_TYPE "application/pem-certificate-chain"
#define ALTERNATES_MAX 8

static const char *subject_of(const struct acme_order_request *order)
{
	return order->names->count > 0 ? order->names->items[0] : "certificate";
}

static bool download(struct acme *acme, const struct acme_order_request *order, const char *url, struct http_response *ret_response, struct err *err)
{
	const struct acme_request request = {
		.url = url,
		.key = order->account->key,
		.kid = order->account->url,
		.payload = "",
		.accept = CHAIN_TYPE,
		.subject = subject_of(order),
		.deadline_ms = order->deadline_ms,
	};

	if (!acme_post(acme, &request, ret_response, err))
		return false;
	if (strcmp(ret_response->content_type, CHAIN_TYPE) != 0)
		return err_set(err, ERR_PROTOCOL, "%s: the CA answered with '%s' instead of a certificate; run it again to fetch it", subject_of(order),
			       ret_response->content_type);
	return true;
}

static bool ends_in(const char *pem, const char *root_cn, bool *ret_ends_in, struct err *err)
{
	AUTO(cert_done) struct cert cert = { 0 };

	if (!cert_read(pem, &cert, err)) {
		err->kind = ERR_PROTOCOL;
		return err_wrap(err, "the certificate that the CA sent");
	}
	*ret_ends_in = strcmp(cert.root_cn, root_cn) == 0;
	return true;
}

/* Looks through the alternates for the wanted root; moves the chain into `chain` if there is one. One that cannot be had is passed over. */
static void choose_alternate(struct acme *acme, const struct acme_order_request *order, const struct strs *links, struct buf *chain, bool *ret_not_found)
{
	for (size_t i = 0; i < ALTERNATES_MAX; i++) {
		AUTO(http_response_done) struct http_response response = { 0 };
		AUTO_FREE char *url = header_link(links, "alternate", i);
		bool is_wanted = false;
		struct err ignored;

		if (!url)
			return;
		if (!download(acme, order, url, &response, &ignored) || !ends_in(buf_text(&response.body), order->preferred_chain, &is_wanted, &ignored) ||
		    !is_wanted)
			continue;
		buf_done(chain);
		*chain = response.body;
		response.body = (struct buf){ 0 };
		*ret_not_found = false;
		return;
	}
}

bool acme_chain_fetch(struct acme *acme, const struct acme_order_request *order, const char *url, struct buf *ret_pem, bool *ret_not_found, struct err *err)
{
	AUTO(http_response_done) struct http_response response = { 0 };
	bool is_wanted = true;

	if (!download(acme, order, url, &response, err))
		return false;
	if (!ends_in(buf_text(&response.body), order->preferred_chain ? order->preferred_chain : "", &is_wanted, err))
		return false;
	*ret_not_found = order->preferred_chain && !is_wanted;
	if (*ret_not_found)
		choose_alternate(acme, order, &response.link, &response.body, ret_not_found);
	*ret_pem = response.body;
	response.body = (struct buf){ 0 };
	return true;
}
