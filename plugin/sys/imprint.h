/* SPDX-License-Identifier: MIT */
#ifndef SYS_IMPRINT_H
#define SYS_IMPRINT_H

#include <stdint.h>

/*
 * What an app's files say right now, in one number: it changes when any file changes from which the engine reads what the app wants and holds (domains,
 * redirects, tls/, the snippet, port maps, properties of ours and of the platform's, global ones too). The engine writes it into the app's state line, the
 * hooks compare it (design 8, 10). Reads metadata only. `root`, `lib_root`: DOKKU_ROOT, DOKKU_LIB_ROOT.
 */
uint64_t imprint_of_app(const char *root, const char *lib_root, const char *app, uint64_t host);
/* What is the same for all apps: whoever looks at thousands of them takes it once. */
uint64_t imprint_of_host(const char *lib_root);

#endif
