/* SPDX-License-Identifier: MIT */
#ifndef NET_CURL_SET_H
#define NET_CURL_SET_H

#include <assert.h>
#include <curl/curl.h>

/* Sets an option of an easy handle. Every option is a constant or a checked string: a refusal means that memory ran out or that the library lacks what we need. */
#define CURL_SET(easy, option, value)                                      \
	do {                                                               \
		CURLcode set_code = curl_easy_setopt(easy, option, value); \
		assert(set_code == CURLE_OK);                              \
		(void)set_code;                                            \
	} while (0)

#endif
