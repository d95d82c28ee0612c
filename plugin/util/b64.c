/* SPDX-License-Identifier: MIT */
/* base64url (RFC 4648 section 5) without padding, as JOSE uses it (RFC 7515 section 2). */
#include "util/b64.h"

#include <stdint.h>
#include <string.h>

#include "util/buf.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool b64url_encode(struct buf *out, const void *data, size_t size)
{
	const unsigned char *bytes = data;
	/* Made apart, so that nothing is added when not all of it fits. */
	AUTO_BUF text = { .max = size / 3 * 4 + 4, .is_secret = out->is_secret };
	uint32_t bits = 0;
	int bit_count = 0;

	for (size_t i = 0; i < size; i++) {
		bits = (bits << 8 | bytes[i]) & 0xffffu;
		for (bit_count += 8; bit_count >= 6; bit_count -= 6)
			buf_addc(&text, alphabet[bits >> (bit_count - 6) & 0x3f]);
	}
	if (bit_count > 0)
		buf_addc(&text, alphabet[bits << (6 - bit_count) & 0x3f]);
	return buf_add(out, buf_text(&text), text.size);
}

/* The value of a character, 64 when it has none. */
static uint32_t value_of(char c)
{
	const char *at = c != '\0' ? strchr(alphabet, c) : NULL;

	return at != NULL ? (uint32_t)(at - alphabet) : 64;
}

bool b64url_decode(struct buf *out, const char *text)
{
	AUTO_BUF bytes = { .max = strlen(text), .is_secret = out->is_secret };
	uint32_t bits = 0;
	int bit_count = 0;

	for (const char *at = text; *at != '\0'; at++) {
		uint32_t value = value_of(*at);

		if (value == 64)
			return false;
		bits = (bits << 6 | value) & 0xffffu;
		bit_count += 6;
		if (bit_count >= 8) {
			bit_count -= 8;
			buf_addc(&bytes, (char)(bits >> bit_count & 0xff));
		}
	}
	/* Six bits left: a lone character. Others must be zero, else two texts would mean the same bytes. */
	if (bit_count == 6 || (bits & ((1u << bit_count) - 1)) != 0)
		return false;
	return buf_add(out, buf_text(&bytes), bytes.size);
}

bool b64url_is(const char *text)
{
	return text[0] != '\0' && text[strspn(text, alphabet)] == '\0';
}
