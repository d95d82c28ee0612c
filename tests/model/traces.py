# SPDX-License-Identifier: MIT
"""Random operations that look for trouble: the instants at which something ends, one nanosecond before and after; ties; refusals; changed limits."""
import random

from ca import BUCKETS, DAY, FAILED, OWN_DOMAIN, PAUSING, PRODUCTION, SECOND, SET, moment

ACCOUNTS = [1, 2, 3, 12, 2**53 + 1]
V4 = ["64.112.117.1", "64.112.117.2", "8.8.8.8", "8.8.4.4"]
V6 = ["2602:80a:6000::1", "2602:80a:6000::2", "2602:80a:6000:1::1", "2602:80a:6001::1", "2001:4860:4860::8888", "2a00:1450:4001:0:1:2:3:4"]
FIXED = [
    "example.com", "www.example.com", "*.example.com", "a.b.example.com", "example.co.uk", "www.example.co.uk", "*.co.uk", "github.io", "app.github.io",
    "*.github.io", "*.app.github.io", "compute.amazonaws.com", "*.compute.amazonaws.com", "x.compute.amazonaws.com", "y.x.compute.amazonaws.com",
    "bzz.dapps.earth", "a.bzz.dapps.earth", "city.kawasaki.jp", "www.city.kawasaki.jp", "kawasaki.jp", "a.kawasaki.jp", "b.a.kawasaki.jp", "www.ck", "a.ck", "b.a.ck", "c.b.a.ck", "example.org",
]
PERIODS = ["1ns", "1us", "1500us", "1s", "90s", "5m", "1h", "1h30m", "3h", "24h", "168h", "1000h", "7ns", "999999999ns"]


class Traces:
    def __init__(self, ca, seed):
        self.ca = ca
        self.random = random.Random(seed)
        self.start = self.now = moment("2026-01-01") + self.random.randrange(DAY)
        self.count = 0
        self.rules = sorted(rule for rule in ca.suffixes.rules if rule.count(".") < 7 and len(rule) < 100)
        self.appointments = []  # moments at which something ends, each with an operation that notices
        self.sets = [self.new_set() for _ in range(40)]
        self.are_alike = False
        self.script = []  # operations that follow without a pause
        self.last = None
        # A slow trace has more refusals, a fast one more of what comes with the days.
        self.still = self.random.choice([0.5, 0.7, 0.85, 0.95])

    # ---- names ----

    def suffix_name(self):
        below = self.random.choice(["", "a.", "b.a.", "c.b.a.", "*.", "*.a.", "*.b.a."])
        name = below + self.random.choice(self.rules)
        return name if "." in name.removeprefix("*.") else "x." + name.removeprefix("*.")

    def name(self):
        chance = self.random.random()
        if chance < 0.45:
            return "n%d.%s" % (self.random.randrange(40), self.random.choice(["example.com", "example.org", "example.co.uk", "github.io"]))
        if chance < 0.75:
            return self.random.choice(FIXED)
        if chance < 0.90:
            return self.suffix_name()
        return self.random.choice(V4 + V6)

    def spelled(self, names):
        """The same set in other words."""
        names = [name.upper() if "." in name and self.random.random() < 0.1 else name for name in names]
        if self.random.random() < 0.2:
            names += self.random.choices(names, k=1)
        self.random.shuffle(names)
        return names

    def new_set(self):
        count = self.random.choice([1, 1, 1, 1, 2, 2, 2, 3, 4, 6] if self.random.random() < 0.99 else [20, 60, 100])
        return list(dict.fromkeys(self.name() for _ in range(count)))

    def some_set(self):
        if self.random.random() < 0.08:
            self.sets[self.random.randrange(len(self.sets))] = self.new_set()
        return self.random.choice(self.sets[:8] if self.random.random() < 0.5 else self.sets)

    # ---- time ----

    def remember(self, op, answer):
        keep = [(answer[key], op) for key in ("retry_at", "start", "end") if key in answer]
        if answer.get("buckets"):
            bucket = self.random.choice(answer["buckets"])
            keep += [(bucket["next_unit_at"], op), (bucket["reset_at"], op)]
        if op["op"] == "issued" and self.random.random() < 0.1:
            keep.append((op["not_before"] + 120 * DAY, {**op, "op": "order"} if self.random.random() < 0.7 else op))
        if answer.get("paused_names") and self.random.random() < 0.1:
            # Unpaused now, it can be paused again in 14 days.
            name = self.random.choice(answer["paused_names"])
            keep.append((self.now, {"op": "unpause", "account": op["account"]}))
            keep.append((self.now // SECOND * SECOND + 14 * DAY, {"op": "failed", "account": op["account"], "name": name}))
        self.appointments += keep
        if len(self.appointments) > 60:
            self.appointments = [(at, op) for at, op in self.appointments if at > self.now - 2][-40:]

    def advance(self):
        """The next moment; 64 bits of nanoseconds end in 2262, so that far jumps must last for the whole trace."""
        self.count += 1
        self.is_met = False
        if self.random.random() < self.still:
            return
        chance = self.random.random()
        if chance < 0.5:
            self.now += self.random.choice([1, 2, 1000, SECOND - 1, SECOND, 60 * SECOND, self.random.randrange(600 * SECOND)])
        elif chance < 0.97:
            # Mostly the next one: the one that is farthest lets everything in between pass.
            leash = min(self.now + 200 * DAY, self.start + 300 * DAY + self.count * DAY // 3)
            ahead = sorted((one for one in self.appointments if self.now <= one[0] < leash), key=lambda one: one[0])
            if ahead:
                at, op = ahead[min(int(self.random.expovariate(0.7)), len(ahead) - 1)]
                self.now = max(self.now, at + self.random.choice([-1, 0, 0, 1]))
                self.last = {key: value for key, value in op.items() if key != "t"} if self.random.random() < 0.7 else self.last
                self.is_met = True
        else:
            self.now += self.random.randrange(2 * DAY)

    # ---- limits ----

    def said(self, number):
        if self.are_alike:
            return {"count": 1, "burst": self.random.choice([1, 2, 3]), "period": self.random.choice(["1h", "2h", "3h"])}
        while True:
            usual = PRODUCTION.get(BUCKETS[number], {"period": "168h"})["period"]
            said = {"count": self.random.choice([1, 1, 2, 3, 5, 7, 50, 300]), "burst": self.random.choice([1, 2, 3, 5, 5, 10, 50, 300]),
                    "period": usual if self.random.random() < 0.7 else self.random.choice(PERIODS)}
            if said["period"] not in ("1ns", "7ns") or said["count"] == 1:
                return said

    def new_limits(self):
        op = {"op": "limits"}
        # Such that different buckets end at the same moment.
        self.are_alike = self.random.random() < 0.4
        chance = self.random.random()
        if chance < 0.25:
            op["defaults"] = PRODUCTION
        elif chance < 0.8:
            numbers = [number for number in range(len(BUCKETS)) if number != OWN_DOMAIN and self.random.random() < 0.93]
            op["defaults"] = {BUCKETS[number]: self.said(number) if self.random.random() < 0.7 or BUCKETS[number] not in PRODUCTION
                              else PRODUCTION[BUCKETS[number]] for number in numbers}
            if self.random.random() < 0.5:
                # Few failures until a pause, or there would hardly be one.
                op["defaults"][BUCKETS[PAUSING]] = {"count": 1, "burst": self.random.choice([1, 2, 4]), "period": self.random.choice(["24h", "1h"])}
        if self.random.random() < 0.6:
            op["overrides"] = [{BUCKETS[number]: {**self.said(number), "ids": [{"id": self.override_id(number), "comment": "c"} for _ in range(2)]}}
                               for number in self.random.choices(range(len(BUCKETS)), k=4)]
        return op

    def override_id(self, number):
        if number in (0, 1):
            address = self.random.choice(V4 + V6 if number == 0 else V6)
            return address if number == 0 else self.ca.registration(address)[-1].key if self.ca.limit(1, "") else "2602:80a:6000::/48"
        if number == SET:
            return ",".join(self.some_set())
        if number in (2, FAILED, OWN_DOMAIN, PAUSING):
            return str(self.random.choice(ACCOUNTS))
        domain = self.ca.suffixes.registered(self.name().lower())
        return domain.split("/")[0]

    def lowered(self):
        """Buckets emptied in one instant under one set of limits and judged under another: below zero, and ending together."""
        def limits(bursts):
            return {"op": "limits", "defaults": {name: {"count": 1, "burst": self.random.choice(bursts), "period": self.random.choice(["1h", "2h", "3h"])}
                                                 for name in PRODUCTION}}
        account = self.random.choice(ACCOUNTS)
        names = self.new_set()
        order = {"op": "order", "account": account, "names": names}
        issued = {"op": "issued", "account": account, "names": names, "not_before": self.now - 200 * DAY}
        failed = {"op": "failed", "account": account, "name": self.random.choice(names)}
        spent = [self.random.choice([order, issued, failed]) for _ in range(12)]
        return [limits([4, 5, 6])] + spent + [limits([1, 2]), order, {**order, "op": "peek"}, limits([1, 2]), order]

    def many_paused(self):
        """More names than a refusal tells."""
        account = self.random.choice(ACCOUNTS)
        names = ["%s.paused.example.com" % letter for letter in "abcdefghijklmnopqrst"[:self.random.choice([14, 15, 16, 20])]] + V4[:1]
        order = {"op": "order", "account": account, "names": names}
        return [{"op": "limits", "defaults": {**PRODUCTION, BUCKETS[PAUSING]: {"count": 1, "burst": 1, "period": "24h"}}}] + [
            {"op": "failed", "account": account, "name": name} for name in names * 2] + [order, {**order, "op": "peek"}]

    # ---- operations ----

    def operation(self):
        chance = self.random.random()
        account = self.random.choice(ACCOUNTS[:2] if self.random.random() < 0.7 else ACCOUNTS)
        if chance < 0.36:
            op = {"op": "order", "account": account, "names": self.spelled(self.some_set())}
            return {**op, "replaces": self.random.random() < 0.5} if self.random.random() < 0.1 else op
        if chance < 0.57:
            return {"op": "issued", "account": account, "names": self.spelled(self.some_set()),
                    "not_before": (self.now - 3510 * SECOND - self.random.choice([0, 0, 0, 119, 120, 121, 200]) * DAY) // SECOND * SECOND}
        if chance < 0.74:
            return {"op": "failed", "account": account, "name": self.random.choice(self.some_set())}
        if chance < 0.77:
            return {"op": "valid", "account": account, "name": self.random.choice(self.some_set())}
        if chance < 0.80:
            if self.random.random() < 0.3:
                return {"op": "refund", "ip": self.random.choice(V4 + V6)}
            return {"op": "refund", "account": account, "names": self.spelled(self.some_set())}
        if chance < 0.86:
            return {"op": "account", "ip": self.random.choice(V4[:2] + V6)}
        if chance < 0.865:
            return {"op": "unpause", "account": account}
        if chance < 0.89:
            issued = self.now - self.random.randrange(100 * DAY)
            return {"op": "window", "issued": issued, "not_after": issued + self.random.choice([90, 64, 45, 10, 7, 6]) * DAY - SECOND + self.random.randrange(-2, 3)}
        if chance < 0.894:
            return self.new_limits()
        if chance < 0.92:
            return {"op": "peek", "ip": self.random.choice(V4 + V6)}
        return {"op": "peek", "account": account, "names": self.some_set()}

    def next(self):
        """An operation and what the model says to it. A third of them is the one before again."""
        if self.script:
            self.last = self.script.pop(0)
        else:
            self.advance()
            self.choose()
        op = {**self.last, "t": self.now}
        answer = self.ca.answer(op)
        self.remember(op, answer)
        return op, answer

    def choose(self):
        if self.random.random() < 0.002:
            self.script = self.lowered() if self.random.random() < 0.9 else self.many_paused()
            self.last = self.script.pop(0)
        elif self.last is None or self.last["op"] == "limits" or not (self.is_met or self.random.random() < 0.33):
            self.last = self.operation()
