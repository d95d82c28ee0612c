/* SPDX-License-Identifier: MIT */
/*
 * What a name is before it becomes a file name, a certificate's name or a word in a configuration. Host names are LDH labels (RFC 1123 section 2.1, RFC 5890
 * section 2.3.1), since a CA issues for nothing else.
 */
#include "util/name.h"

#include <arpa/inet.h>
#include <string.h>

#include "util/text.h"

#define NAME_SIZE_MAX 253
#define LABEL_SIZE_MAX 63
/* The longest name of a file. */
#define FILE_NAME_SIZE_MAX 255

static bool is_label_char(char c)
{
	return text_is_digit(c) || (c >= 'a' && c <= 'z') || c == '-';
}

static const char *label_fault(const char *label, size_t size)
{
	if (size == 0)
		return "has an empty part between its dots";
	if (size > LABEL_SIZE_MAX)
		return "has a part of more than 63 characters";
	if (memchr(label, '_', size) != NULL)
		return "has a '_', which is not allowed in a certificate";
	if (memchr(label, '*', size) != NULL)
		return "has a '*' that is not its whole first part";
	for (size_t i = 0; i < size; i++) {
		if (!is_label_char(label[i]))
			return "has a character that is not allowed in a certificate";
	}
	if (label[0] == '-' || label[size - 1] == '-')
		return "has a part that starts or ends with '-'";
	/* R-LDH labels other than A-labels are reserved; CAs refuse them. */
	if (size >= 4 && label[2] == '-' && label[3] == '-' && strncmp(label, "xn", 2) != 0)
		return "has a part with '--' as its third and fourth character";
	return NULL;
}

/* Why `name` is no host name with a dot, or NULL. */
static const char *host_fault(const char *name)
{
	const char *label = name;
	const char *fault = NULL;

	if (name[0] == '\0')
		return "is empty";
	if (strlen(name) > NAME_SIZE_MAX)
		return "has more than 253 characters";
	if (text_ends(name, "."))
		return "ends with a dot";
	for (;;) {
		size_t size = strcspn(label, ".");

		fault = label_fault(label, size);
		if (fault != NULL)
			return fault;
		if (label[size] == '\0')
			break;
		label += size + 1;
	}
	if (label == name)
		return "has no dot";
	/* Such a name would be taken for an address (WHATWG URL, "ends in a number"). */
	if (label[strspn(label, "0123456789")] == '\0')
		return "ends with a number, as only an address does";
	return NULL;
}

enum name_kind name_kind(const char *name, const char **ret_reason)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, name, address) == 1)
		return NAME_IPV4;
	if (inet_pton(AF_INET6, name, address) == 1)
		return NAME_IPV6;

	bool is_wildcard = text_starts(name, "*.");
	const char *fault = host_fault(is_wildcard ? name + 2 : name);
	if (fault == NULL && strlen(name) > NAME_SIZE_MAX)
		fault = "has more than 253 characters";
	if (fault == NULL)
		return is_wildcard ? NAME_WILDCARD : NAME_DNS;
	if (ret_reason != NULL)
		*ret_reason = fault;
	return NAME_BAD;
}

/* Not empty, a possible file name, and made of letters, digits and `others`. */
static bool consists_of(const char *name, const char *others)
{
	for (const char *at = name; *at != '\0'; at++) {
		if (!text_is_alnum(*at) && strchr(others, *at) == NULL)
			return false;
	}
	return name_is_component(name) && strlen(name) <= FILE_NAME_SIZE_MAX;
}

bool name_is_app(const char *name)
{
	for (const char *at = name; *at != '\0'; at++) {
		if (text_lower_char(*at) != *at)
			return false;
	}
	return text_is_alnum(name[0]) && consists_of(name, "._-");
}

bool name_is_key(const char *name)
{
	return name[0] != '.' && consists_of(name, "_-.,:");
}

bool name_is_component(const char *name)
{
	return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

bool name_covers(const char *pattern, const char *name)
{
	if (strcmp(pattern, name) == 0)
		return true;
	if (!text_starts(pattern, "*.") || name[0] == '.')
		return false;

	const char *dot = strchr(name, '.');
	return dot != NULL && strcmp(pattern + 1, dot) == 0;
}
