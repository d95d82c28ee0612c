/* SPDX-License-Identifier: MIT */
#ifndef FLOW_OLDER_H
#define FLOW_OLDER_H

struct context;

/*
 * Older spellings of properties (DOKKU_LETSENCRYPT_EMAIL in the configuration of an app, lego-docker-args): each becomes the property, once, unless that is set
 * already. What was there stays. What is done, and what cannot be, is said. `scope`: an app or "--global".
 */
void older_take_over(struct context *context, const char *scope);

#endif
