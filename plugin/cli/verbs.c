/* SPDX-License-Identifier: MIT */
/* The table of commands, and how a command line finds its row. */
#include "cli/verbs.h"

#include <stdint.h>
#include <string.h>

#include "util/err.h"
#include "util/mem.h"
#include "util/text.h"

#define PREFIX "letsencrypt:"
#define MANY SIZE_MAX
#define NO_RAW SIZE_MAX

#define OPTION_APP { "--app", NULL, OPTION_TEXT, offsetof(struct options, app), "NAME", "The app; the same as naming it first" }

static const struct option_row no_options[] = { OPTION_END };
static const struct option_row app_options[] = { OPTION_APP, OPTION_END };
static const struct option_row auto_renew_options[] = {
	OPTION_APP,
	{ "--by", NULL, OPTION_TEXT, offsetof(struct options, by), "WHAT", "With --scheduled: cron-entries or host. What is not in charge ends at once" },
	{ "--scheduled", NULL, OPTION_FLAG, offsetof(struct options, is_scheduled), NULL, "As the schedule starts it: once an hour, not soon after boot" },
	OPTION_END
};
static const struct option_row budget_options[] = {
	OPTION_APP,
	{ "--rebuild", NULL, OPTION_FLAG, offsetof(struct options, is_rebuilding), NULL, "Count the certificates that are found anew first" },
	{ "--unpause", NULL, OPTION_FLAG, offsetof(struct options, is_unpausing), NULL, "Its page for that was used: ask the CA for paused names again" },
	OPTION_END
};
static const struct option_row cron_options[] = {
	{ "--add", NULL, OPTION_OTHER, offsetof(struct options, other), NULL, "Renew what is due every hour" },
	{ "--remove", NULL, OPTION_OTHER, offsetof(struct options, other), NULL, "Leave it to you" },
	OPTION_END
};
static const struct option_row enable_options[] = {
	{ "--all", NULL, OPTION_FLAG, offsetof(struct options, is_all), NULL, "Every app" },
	OPTION_APP,
	{ "--force", "-f", OPTION_FLAG, offsetof(struct options, is_forced), NULL, "Even if the certificate is good" },
	OPTION_END
};
static const struct option_row events_options[] = {
	OPTION_APP,
	{ "--follow", NULL, OPTION_FLAG, offsetof(struct options, is_following), NULL, "Go on with what happens from now on" },
	OPTION_END
};
static const struct option_row help_options[] = {
	{ "--platform-lines", NULL, OPTION_FLAG, offsetof(struct options, is_for_platform), NULL, NULL },
	OPTION_END
};
static const struct option_row plan_options[] = {
	{ "--add", NULL, OPTION_TEXT, offsetof(struct options, add), "N[.DOMAIN]", "And what if there were so many more apps" },
	{ "--all", NULL, OPTION_FLAG, offsetof(struct options, is_all), NULL, "Every app: what enable --all would do" },
	OPTION_APP,
	{ "--until", NULL, OPTION_TEXT, offsetof(struct options, until), "DATE", "Also what becomes due until that day (or 7d)" },
	OPTION_END
};
static const struct option_row report_options[] = {
	{ "--global", NULL, OPTION_WORD, 0, NULL, "What holds for all apps" },
	{ "--letsencrypt-<key>", NULL, OPTION_OTHER, offsetof(struct options, other), NULL, "One value alone" },
	OPTION_END
};
static const struct option_row revoke_options[] = {
	OPTION_APP,
	{ "--reason", NULL, OPTION_TEXT, offsetof(struct options, reason), "REASON",
	  "unspecified, keyCompromise, affiliationChanged, superseded, cessationOfOperation" },
	OPTION_END
};
static const struct option_row set_options[] = {
	{ "--global", NULL, OPTION_WORD, 0, NULL, "For all apps without a value of their own" },
	OPTION_END
};

const struct verb verbs[] = {
	{ "active", "<app>", "Verify if letsencrypt is active for an app", 1, 1, NO_RAW, app_options, verb_active },
	{ "auto-renew", "[<app>]", "Auto-renew app if renewal is necessary", 0, 1, NO_RAW, auto_renew_options, verb_auto_renew },
	{ "budget", "[<app>|<domain>] [--rebuild|--unpause]", "Display what the CA still allows and who used it", 0, 1, NO_RAW, budget_options, verb_budget },
	{ "cleanup", "<app>", "Cleanup stale certificates and configurations", 1, 1, NO_RAW, app_options, verb_cleanup },
	{ "cloned", "<app> <new-app>", NULL, 2, 2, NO_RAW, no_options, verb_cloned },
	{ "cron-job", "[--add|--remove]", "Add or remove or display the auto-renew cron job", 0, 1, NO_RAW, cron_options, verb_cron_job },
	{ "default", "<app>... | --all [--force]", NULL, 0, MANY, NO_RAW, enable_options, verb_default },
	{ "disable", "<app>", "Disable letsencrypt for an app", 1, 1, NO_RAW, app_options, verb_disable },
	{ "enable", "<app>... | --all [--force]", "Enable or renew letsencrypt for an app", 1, MANY, NO_RAW, enable_options, verb_enable },
	{ "events", "[<app>] [--follow]", "Display what was decided and what came of it", 0, 1, NO_RAW, events_options, verb_events },
	{ "found", "<folder>", NULL, 1, 1, NO_RAW, no_options, verb_found },
	{ "help", "[<command>]", "Display letsencrypt help", 0, 1, NO_RAW, help_options, verb_help },
	{ "installed", "", NULL, 0, 0, NO_RAW, no_options, verb_installed },
	{ "list", "", "List letsencrypt-secured apps with certificate expiry times", 0, 0, NO_RAW, no_options, verb_list },
	{ "ls", "", NULL, 0, 0, NO_RAW, no_options, verb_list },
	{ "plan", "[--all|<app>...] [--add N[.<domain>]] [--until <date>]", "Display what would be done now and why", 0, MANY, NO_RAW, plan_options,
	  verb_plan },
	{ "renamed", "<app> <new-app>", NULL, 2, 2, NO_RAW, no_options, verb_renamed },
	{ "report", "[<app>|--global] [--letsencrypt-<key>]", "Display a letsencrypt report", 0, 1, NO_RAW, report_options, verb_report },
	{ "report-trigger", "<app>", NULL, 0, 1, NO_RAW, no_options, verb_report_trigger },
	{ "revoke", "<app> [--reason <reason>]", "Revoke letsencrypt certificate for app", 1, 1, NO_RAW, revoke_options, verb_revoke },
	{ "set", "<app>|--global <property> [<value>]", "Set or clear a letsencrypt property for an app", 1, 3, 2, set_options, verb_set },
	{ "snippet", "<app>", NULL, 1, 1, NO_RAW, no_options, verb_snippet },
	{ "takeover", "", NULL, 0, 0, NO_RAW, no_options, verb_takeover },
	{ "version", "", "Display the version of the plugin", 0, 0, NO_RAW, no_options, verb_version },
	{ "work", "", NULL, 0, 0, NO_RAW, no_options, verb_work },
	{ NULL, NULL, NULL, 0, 0, 0, NULL, NULL }
};

void call_done(struct call *call)
{
	strs_done(&call->words);
}

const struct verb *verbs_find(const char *name)
{
	if (text_starts(name, PREFIX))
		name += strlen(PREFIX);
	else if (strcmp(name, "letsencrypt") == 0)
		name = "default";
	for (const struct verb *verb = verbs; verb->name; verb++)
		if (strcmp(verb->name, name) == 0)
			return verb;
	return NULL;
}

static bool refuse_command(const char *typed, struct err *err)
{
	const char *name = text_starts(typed, PREFIX) ? typed + strlen(PREFIX) : typed;
	AUTO_STRS names = { 0 };
	const char *nearest = NULL;

	for (const struct verb *verb = verbs; verb->name; verb++)
		if (verb->help)
			strs_add(&names, verb->name);
	nearest = text_nearest(name, (const char *const *)strs_argv(&names));
	(void)err_set(err, ERR_USAGE, "'%s' is not a command of letsencrypt", typed);
	if (nearest)
		err_append(err, "Did you mean '" PREFIX "%s'?", nearest);
	err_append(err, "All commands: dokku " PREFIX "help");
	return false;
}

static bool check_words(const struct call *call, struct err *err)
{
	const struct verb *verb = call->verb;

	/* The platform's words for an app that is not there, said of no app at all. */
	if (call->words.count < verb->words_min && !call->options.is_all)
		return err_set(err, ERR_NO_APP, "App  does not exist");
	if (call->words.count > verb->words_max && verb->raw_index != NO_RAW)
		return err_set(err, ERR_USAGE, "'%s' is one word too many: a value with blanks needs quotes", call->words.items[verb->words_max]);
	if (call->words.count > verb->words_max)
		return err_set(err, ERR_USAGE, "'%s' is one word too many", call->words.items[verb->words_max]);
	return true;
}

static void append_usage(const struct verb *verb, struct err *err)
{
	const char *name = strcmp(verb->name, "default") == 0 ? "enable" : verb->name;

	err_append(err, "Usage: dokku " PREFIX "%s%s%s", name, *verb->usage ? " " : "", verb->usage);
}

bool verbs_parse(char *const *words, const struct environment *environment, struct call *ret_call, struct err *err)
{
	static char *const none[] = { NULL };
	const char *typed = words[0] ? words[0] : "letsencrypt";
	const struct verb *verb = NULL;

	ret_call->verb = verbs_find(typed);
	if (!ret_call->verb) {
		AUTO_STRS ignored = { 0 };
		struct err unused;

		/* For --format json and --quiet. */
		(void)!option_parse(no_options, NO_RAW, words + 1, environment, &ret_call->options, &ignored, &unused);
		return refuse_command(typed, err);
	}
	verb = ret_call->verb;
	if (option_parse(verb->options, verb->raw_index, words[0] ? words + 1 : none, environment, &ret_call->options, &ret_call->words, err) &&
	    (ret_call->options.wants_help || check_words(ret_call, err)))
		return true;
	append_usage(verb, err);
	return false;
}
