# SPDX-License-Identifier: MIT
"""A CA that plays traces of operations: an independent model of its rules, to compare the ledger with. Shares nothing with plugin/."""
import calendar
import functools
import hashlib
import ipaddress
import re
import time

SECOND = 10**9
DAY = 86400 * SECOND
PAGE = "https://letsencrypt.org/docs/rate-limits/#"
BUCKETS = [
    "NewRegistrationsPerIPAddress", "NewRegistrationsPerIPv6Range", "NewOrdersPerAccount", "FailedAuthorizationsPerDomainPerAccount",
    "CertificatesPerDomain", "CertificatesPerDomainPerAccount", "CertificatesPerFQDNSet", "FailedAuthorizationsForPausingPerDomainPerAccount",
]
IP, RANGE, ORDERS, FAILED, DOMAIN, OWN_DOMAIN, SET, PAUSING = range(8)
PRODUCTION = {
    "NewRegistrationsPerIPAddress": {"count": 10, "burst": 10, "period": "3h"},
    "NewRegistrationsPerIPv6Range": {"count": 500, "burst": 500, "period": "3h"},
    "NewOrdersPerAccount": {"count": 300, "burst": 300, "period": "3h"},
    "FailedAuthorizationsPerDomainPerAccount": {"count": 5, "burst": 5, "period": "1h"},
    "CertificatesPerDomain": {"count": 50, "burst": 50, "period": "168h"},
    "CertificatesPerFQDNSet": {"count": 5, "burst": 5, "period": "168h"},
    "FailedAuthorizationsForPausingPerDomainPerAccount": {"count": 1, "burst": 1152, "period": "24h"},
}
MESSAGES = [
    ("too many new registrations (%d) from this IP address", "new-registrations-per-ip-address"),
    ("too many new registrations (%d) from this /48 subnet of IPv6 addresses", "new-registrations-per-ipv6-range"),
    ("too many new orders (%d) from this account", "new-orders-per-account"),
    ('too many failed authorizations (%d) for "%s"', "authorization-failures-per-identifier-per-account"),
    ('too many certificates (%d) already issued for "%s"', "new-certificates-per-registered-domain"),
    ('too many certificates (%d) already issued for "%s"', "new-certificates-per-registered-domain"),
    ("too many certificates (%d) already issued for this exact set of identifiers", "new-certificates-per-exact-set-of-identifiers"),
]


class Suffixes:
    """The public suffix list, rule by rule."""

    def __init__(self, path):
        self.rules = {}  # labels of a rule, "*" and "!" taken off -> set of "exact", "wildcard", "exception"
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                rule = line.split()[0] if line.split() else "//"
                if rule.startswith("//"):
                    continue
                kind = "exact"
                if rule.startswith("*."):
                    kind, rule = "wildcard", rule[2:]
                elif rule.startswith("!"):
                    kind, rule = "exception", rule[1:]
                self.rules.setdefault(".".join(ascii_label(label) for label in rule.split(".")), set()).add(kind)

    def suffix_size(self, labels):
        """How many labels at the end are the public suffix."""
        size = 1
        for count in range(1, len(labels) + 1):
            kinds = self.rules.get(".".join(labels[-count:]), ())
            if "exception" in kinds:
                return count - 1
            if "exact" in kinds:
                size = max(size, count)
            if "wildcard" in kinds and count < len(labels):
                size = max(size, count + 1)
        return size

    @functools.lru_cache(maxsize=100000)
    def registered(self, name):
        if is_address(name):
            return str(ipaddress.ip_network((name, 64 if ":" in name else 32), strict=False))
        labels = name.split(".")
        return ".".join(labels[-self.suffix_size(labels) - 1:])


def ascii_label(label):
    return label if label.isascii() else label.encode("idna").decode()


@functools.lru_cache(maxsize=100000)
def is_address(name):
    return ":" in name or re.fullmatch(r"[0-9.]+", name) is not None


@functools.lru_cache(maxsize=100000)
def normal(names):
    """The set in its normal order: unique, lower case, DNS names first."""
    unique = {name.lower() for name in names}
    return tuple(sorted(name for name in unique if not is_address(name)) + sorted(name for name in unique if is_address(name)))


@functools.lru_cache(maxsize=100000)
def set_key(names):
    return hashlib.sha256(",".join(names).encode()).hexdigest()


def period_ns(text):
    """Go's notation, of which traces use whole numbers of h, m, s, ms, us and ns."""
    units = {"h": 3600 * SECOND, "m": 60 * SECOND, "s": SECOND, "ms": 10**6, "us": 1000, "ns": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)(ms|us|ns|h|m|s)", text))


def go_period(ns):
    def part(value, unit):
        whole, rest = divmod(value, unit)
        return str(whole) + (("." + str(rest).rjust(len(str(unit)) - 1, "0")).rstrip("0") if rest else "")
    if ns < 1000:
        return "%dns" % ns
    if ns < 10**6:
        return part(ns, 1000) + "µs"
    if ns < SECOND:
        return part(ns, 10**6) + "ms"
    hours, rest = divmod(ns, 3600 * SECOND)
    minutes, rest = divmod(rest, 60 * SECOND)
    return ("%dh" % hours if hours else "") + ("%dm" % minutes if hours or minutes else "") + part(rest, SECOND) + "s"


class Limit:
    def __init__(self, said):
        self.burst = said["burst"]
        self.period = period_ns(said["period"])
        self.e = self.period // said["count"]
        self.b = self.e * self.burst


class Bucket:
    """A look at one bucket at one moment."""

    def __init__(self, ca, number, key, limit):
        self.number, self.key, self.limit = number, key, limit
        self.tats = ca.tats[number]
        self.now = ca.now
        self.full = max(self.now, self.tats.get(key, ca.now))

    def has_unit(self):
        return self.now >= self.full + self.limit.e - self.limit.b

    def retry_at(self):
        return self.full + self.limit.e - self.limit.b

    def remaining(self):
        spare = self.now - (self.full - self.limit.b)
        return spare // self.limit.e if spare >= 0 else -(-spare // self.limit.e)

    def spend(self):
        self.tats[self.key] = self.full + self.limit.e

    def refund(self):
        tat = self.tats.get(self.key)
        if tat is not None and tat >= self.now:
            self.tats[self.key] = tat - self.limit.e

    def shown(self):
        left = max(0, self.remaining())
        is_full = self.full == self.now
        return {
            "limit": BUCKETS[self.number], "bucket": self.key, "remaining": left,
            "next_unit_at": self.now if is_full else self.full + (left + 1) * self.limit.e - self.limit.b, "reset_at": self.full,
        }


class CA:
    def __init__(self, suffixes):
        self.suffixes = suffixes
        self.now = 0
        self.tats = [{} for _ in BUCKETS]
        self.newest = {}    # set -> newest notBefore
        self.paused = {}    # account -> names
        self.unpaused = {}  # account, name -> second
        self.defaults = {}
        self.overrides = {}
        self.set_defaults(PRODUCTION)

    # ---- limits ----

    def set_defaults(self, defaults):
        self.defaults = {BUCKETS.index(name): Limit(said) for name, said in defaults.items()}

    def set_overrides(self, overrides):
        self.overrides = {}
        for entry in overrides:
            for name, said in entry.items():
                number = BUCKETS.index(name)
                for one in said["ids"]:
                    key = one["id"]
                    if number == DOMAIN and is_address(key):
                        key = self.suffixes.registered(key)
                    elif number == SET:
                        key = set_key(normal(tuple(key.split(","))))
                    self.overrides[number, key] = Limit(said)

    def limit(self, number, key):
        return self.overrides.get((number, key)) or self.defaults.get(number)

    def look(self, number, key, account=None):
        """The bucket in a list, or none where there is no limit. Those of something of an account have overrides by account."""
        limit = self.limit(number, key if account is None else account)
        return [] if limit is None else [Bucket(self, number, key, limit)]

    # ---- buckets of an operation ----

    def domains(self, names):
        return sorted({self.suffixes.registered(name) for name in names})

    def failures(self, number, account, names):
        return [bucket for name in names for bucket in self.look(number, account + ":" + name, account)]

    def own_domains(self, account, names):
        if (OWN_DOMAIN, account) not in self.overrides:
            return []
        return [bucket for domain in self.domains(names) for bucket in self.look(OWN_DOMAIN, account + ":" + domain, account)]

    def global_domains(self, names):
        return [bucket for domain in self.domains(names) for bucket in self.look(DOMAIN, domain)]

    def registration(self, ip):
        address = ipaddress.ip_address(ip)
        buckets = self.look(IP, str(address))
        if address.version == 6:
            buckets += self.look(RANGE, str(ipaddress.ip_network((address, 48), strict=False)))
        return buckets

    # ---- answers ----

    def denial(self, buckets):
        denied = [(bucket.retry_at(), -bucket.remaining(), place, bucket) for place, bucket in enumerate(buckets) if not bucket.has_unit()]
        if not denied:
            return None
        bucket = max(denied, key=lambda one: one[:3])[3]
        text, anchor = MESSAGES[bucket.number]
        values = (bucket.limit.burst, bucket.key.split(":")[-1]) if "%s" in text else bucket.limit.burst
        moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(bucket.retry_at() // SECOND))
        return {
            "limit": BUCKETS[bucket.number], "bucket": bucket.key, "retry_at": bucket.retry_at(),
            "message": "%s in the last %s, retry after %s: see %s%s" % (text % values, go_period(bucket.limit.period), moment, PAGE, anchor),
        }

    def is_renewal(self, names):
        newest = self.newest.get(set_key(names))
        return newest is not None and newest > self.now - 120 * DAY

    def paused_names(self, account, names):
        paused = self.paused.get(account)
        return [name for name in names if name in paused][:15] if paused else []

    def order(self, op, account, names):
        paused = self.paused_names(account, names)
        if paused:
            return {
                "allowed": False, "limit": "Paused", "paused_names": paused,
                "message": "Your account is temporarily prevented from requesting certificates for %s and possibly others. Please visit: "
                           % ", ".join(paused),
            }
        if op.get("replaces"):
            return {"allowed": True, "as": "ari"}
        failures = self.failures(FAILED, account, names)
        exact = self.look(SET, set_key(names))
        if self.is_renewal(names):
            denial = self.denial(failures + exact)
            return {"allowed": False, "as": "renewal", **denial} if denial else {"allowed": True, "as": "renewal"}
        orders = self.look(ORDERS, account)
        has_own = (OWN_DOMAIN, account) in self.overrides
        denial = self.denial(orders + failures + (self.own_domains(account, names) if has_own else self.global_domains(names)) + exact)
        if denial:
            return {"allowed": False, "as": "new", **denial}
        for bucket in orders:
            bucket.spend()
        return {"allowed": True, "as": "new"}

    def refund(self, op, account, _names):
        for bucket in self.registration(op["ip"]) if "ip" in op else self.look(ORDERS, account):
            bucket.refund()
        return {}

    def issued(self, op, account, names):
        is_renewal = self.is_renewal(names)
        buckets = self.look(SET, set_key(names))
        if not is_renewal:
            buckets += self.global_domains(names) + self.own_domains(account, names)
        for bucket in buckets:
            if bucket.has_unit():
                bucket.spend()
        key = set_key(names)
        self.newest[key] = max(op["not_before"], self.newest.get(key, op["not_before"]))
        return {"as": "renewal" if is_renewal else "new"}

    def failed(self, op, account, _names):
        name = op["name"].lower()
        for bucket in self.failures(FAILED, account, [name]):
            if bucket.has_unit():
                bucket.spend()
        for bucket in self.failures(PAUSING, account, [name]):
            if bucket.has_unit():
                bucket.spend()
            elif self.now - self.unpaused.get((account, name), self.now - 14 * DAY) >= 14 * DAY:
                self.paused.setdefault(account, set()).add(name)
        return {"paused": name in self.paused.get(account, ())}

    def valid(self, op, account, _names):
        for bucket in self.failures(PAUSING, account, [op["name"].lower()]):
            bucket.tats.pop(bucket.key, None)
        return {}

    def unpause(self, _op, account, _names):
        names = self.paused.pop(account, set())
        for name in names:
            self.unpaused[account, name] = self.now // SECOND * SECOND
        return {"unpaused": len(names)}

    def account(self, op, _account, _names):
        buckets = self.registration(op["ip"])
        denial = self.denial(buckets)
        if denial:
            return {"allowed": False, **denial}
        for bucket in buckets:
            bucket.spend()
        return {"allowed": True}

    def window(self, op, _account, _names):
        validity = op["not_after"] + SECOND - op["issued"]
        ideal = op["not_after"] - validity // (2 if validity < 10 * DAY else 3)
        start = (ideal - validity // 100) // SECOND * SECOND
        end = (ideal + validity // 100) // SECOND * SECOND
        return {"start": start, "end": end, "open": start <= self.now < end}

    def limits(self, op, _account, _names):
        if "defaults" in op:
            self.set_defaults(op["defaults"])
        self.set_overrides(op.get("overrides", []))
        return {}

    def peek(self, op, account, names):
        if "ip" in op:
            return {"buckets": [bucket.shown() for bucket in self.registration(op["ip"])]}
        buckets = (self.look(ORDERS, account) + self.failures(FAILED, account, names) + self.global_domains(names) + self.own_domains(account, names)
                   + self.look(SET, set_key(names)) + self.failures(PAUSING, account, names))
        buckets.sort(key=lambda bucket: (bucket.number, bucket.key.encode()))
        paused = self.paused_names(account, names)
        answer = {"renewal": self.is_renewal(names), "buckets": [bucket.shown() for bucket in buckets]}
        return {**answer, "paused_names": paused} if paused else answer

    def answer(self, op):
        assert op["t"] >= self.now
        self.now = op["t"]
        return getattr(self, op["op"])(op, str(op.get("account")), normal(tuple(op["names"])) if "names" in op else ())


def moment(text):
    """ "2026-01-02" in nanoseconds."""
    return calendar.timegm(time.strptime(text, "%Y-%m-%d")) * SECOND
