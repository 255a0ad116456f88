"""The words of `docs/benchmarks.md`: what each figure means, and what it does not."""

from __future__ import annotations

HEAD = """# Benchmarks

Written by `make bench` (or `motcua bench --write`): do not edit it, measure. `motcua bench` measures on the embedded
stack's own Kafka (one node) and PostgreSQL (fsync on), started for the run in a folder of their own, with the load, the
service, Kafka and PostgreSQL all on this one machine. `motcua bench hop latency --json` measures some of it,
`--quick` tries everything with small counts.

A figure is the median of several repetitions, or was measured once where its section says so. What is compared takes
turns (one, the other, one, the other …). On the message path the first 15 % of a run (warming up) and the last 10 %
(running dry) do not count; over HTTP a load of its own warms up before. Behind each run stands a validity gate: effects
are counted in the database (inbox rows, each aggregate's value, published outbox rows, dossiers, ledger entries,
receipts) and records in Kafka, and where they are not exactly what the load calls for, there is an error instead of a
figure.

A textbook is what a good tutorial ends with: the same work in the same tables, with the same guarantees and held to the
same gate, one transaction for each thing that comes, statement by statement. Nothing in it is slowed on purpose."""

TITLES = {
    "hop": "Hop: consumed, taken once, effect and event committed, relayed",
    "relay": "Relay alone",
    "backlog": "A backlog drains",
    "latency_ms": "Latency under steady load",
    "rebuild": "A projection is rebuilt",
    "growth": "An event's cost as inbox and outbox grow",
    "intake_submit": "Dossiers are filed",
    "deadlines": "A day off is announced: promised dates are counted anew",
    "desk_list": "An officer's list over a million dossiers",
    "payments_webhooks": "Webhooks: paid, posted to the ledger, receipt numbered",
    "payments_reconcile": "A day of payments is reconciled",
}

NOTES = {
    "hop": """One reading of a meter in, one row changed, one total out, 20,000 meters. "one process" consumes and relays; "roles" is
two processes that consume and one that relays, as an installation scales. One trace in a hundred is recorded, as large
installations do, and all of them in a figure of its own. The textbook is what a FastStream tutorial ends with: one event,
one transaction (inbox and effect), one publish that is awaited, one acknowledgment. It needs no relay, and runs
in one process as tutorials do; beside "roles" it is also given two, which is the comparison of equally many consumers.

Where the time goes is told by the processor microseconds: their sum, divided by the cores, is what an event must take at
least. More cores help at once, for partitions share nothing but the database; on the same cores, the next factor would
take a compiled reader and writer of envelopes and record batches instead of Python's, and after that fewer bytes for
PostgreSQL to log.""",
    "relay": """Rows that wait in the outbox, made by SQL with the ids, headers and sizes of real ones, their traces not kept; one relay claims, sends with
`acks=all` and marks them.""",
    "backlog": """The same with so many rows that they must not be held in memory: whether the last tenth goes as fast as the first, and
the largest memory of the relay's process.""",
    "latency_ms": """From the moment an event was due to be produced (not when it was sent: whatever makes the producer late counts) to the
moment at which the broker appended its result, in the broker's whole milliseconds. Loads are shares of what the path
sustains while the producer, which needs a part of the same processors, offers what the hop made of waiting events; the
producer sends every 5 ms what became due since, and that wait counts too.""",
    "rebuild": """The status service's own fold over whole journeys of seven events, from Kafka into an empty database; the views are then
compared with a plain fold of the same log.""",
    "growth": """The hop in one process beside inboxes and outboxes that hold so many rows already, each in a database of its own;
repetitions take turns, and each ratio is of two runs of the same turn. What a run adds is cleared away before the next.""",
    "intake_submit": """`POST /dossiers` over kept connections, 32 citizens at a time who wait for each answer: the token is verified, the form
checked, its fees assessed, and its code (one agency, so one counter without gaps), dossier, journal, idempotent answer
and events are committed before the answer; a relay publishes the events. Ours is one process that answers, and the
relay; the textbook is FastAPI and asyncpg in one process, one transaction for each request, with the same relay. Checks,
fees and the dossier itself are the same functions; ours lets requests that come together share a transaction. The
textbook's filings of one agency wait for each other from the drawing of the code to the commit. Latencies are counted
from the moment at which a request was due, at a rate that each can sustain.""",
    "deadlines": """Measured once. From the moment at which every process knows the new calendar until every promised date is kept, each
that moves with its event, its journal's line and its warnings.""",
    "desk_list": """Measured once. Pages of twenty, as `GET /desk/dossiers` reads them, on one connection, each question in turn with the others. One agency
has half of all dossiers, of which a tenth is open; a small one has one in a thousand. A search is for a family name of
two people in five, and for a given name of one in two thousand.""",
    "payments_webhooks": """Stripe's `payment_intent.succeeded`, signed, 64 connections, each for a bill whose citizen is at the gateway's page. What
counts is the commit: bill paid, ledger entries posted, receipt numbered without a gap, timers ended, events in the
outbox. Ours is two processes: one keeps webhooks and answers, the other works them off, many in a transaction. The
textbook is FastAPI and asyncpg in two processes that share the connections, one transaction for each webhook, deduplicated
by the event's id, answered after the commit; those that are paid wait for each other from the drawing of the receipt's
number to the commit. What a webhook says and what becomes of the bill are the same functions. Latencies are counted from
the moment at which a webhook was due, at a rate that each can sustain.""",
    "payments_reconcile": """Measured once. From an operator's request to the last report, in one process: the bank's statement, read page by page
from the sandbox's bank, is held against the ledger, then dossiers against bills. One notice in a hundred was lost and is
healed; wrong amounts, strangers' transfers and a payment on no statement must each be found as what they are.""",
}

TAIL = """## What is not measured

Networks, replication and several brokers; TLS; the export of spans (they are made and ended, no collector takes them);
housekeeping (nothing is pruned during a run); HTTP but where a section names it (browsers, files, pages of lists); outside
systems but the sandbox's bank and its statement; a machine that does other work meanwhile. How fast the stack starts and
what the sandbox can take is printed by `make bench` after this."""
