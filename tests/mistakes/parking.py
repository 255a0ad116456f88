"""Mistakes with poison, with what is held behind it, and with working it off."""

from __future__ import annotations

from tests.mistakes.mistake import Edit, Mistake

_CONSUMER, _PARKING, _DRAINER = "chassis/consumer.py", "chassis/parking.py", "chassis/drainer.py"
_LOCKS = "tests/integration/test_parked_locks.py::"
_ORDERS = "tests/integration/test_parked_orders.py::"
_PARKED = "tests/integration/test_consumer_parking.py::"
_FREED = f"{_LOCKS}test_a_key_that_a_consumer_saw_blocked_is_not_freed_before_its_record_is_held"
_FOREIGN_KEY = "    foreign key (consumer, topic, open_key) references parked_key,\n"
_WITHOUT_FOREIGN_KEY = Edit("chassis/migrations/0001_message_path.sql", _FOREIGN_KEY, "")
_TWO_WALLS = "The foreign key alone would turn the harm into a retry (run Parking/foreign-key): it goes too."
_GIVE_BACK = Edit(
    _CONSUMER, "            await inbox.give_back(connection, name, without_effect)\n", "            pass\n"
)

_LOOK_THEN_INBOX = """\
        held = await parking.blocked(connection, name, topic, [lane_of(record) for record in records])
        readable, refused, settled = await self._sort(connection, records, held)
        fresh = await inbox.take(connection, name, [event.id for _, event in readable])
"""
_INBOX_THEN_LOOK = """\
        ids = [event.id for event in map(self._read, records) if isinstance(event, Event)]
        fresh = await inbox.take(connection, name, ids)
        held = await parking.blocked(connection, name, topic, [lane_of(record) for record in records])
        readable, refused, settled = await self._sort(connection, records, held)
        await inbox.give_back(connection, name, fresh - {event.id for _, event in readable})
"""
_PARK_ALONE = "            await self._park_alone(records[0], reason_of(error))\n"

PARKING = (
    Mistake(
        ("Parking/plain-read", "Parking/plain-read-order"),
        (Edit(_PARKING, "order by key for key share", "order by key"), _WITHOUT_FOREIGN_KEY),
        (_FREED,),
        "assert 1 == 0",
        _TWO_WALLS,
    ),
    Mistake(
        ("Parking/no-foreign-key",),
        (_WITHOUT_FOREIGN_KEY,),
        (f"{_LOCKS}test_a_key_that_is_freed_while_a_batch_parks_behind_its_head_is_looked_at_again",),
        "assert 1 == 0",
        "A key that was free when the batch looked is not locked by it; only the foreign key sees that it was freed again.",
    ),
    Mistake(
        ("Parking/redrive-unlocked",),
        (Edit(_PARKING, 'and key = $3 for update"', 'and key = $3"'), _WITHOUT_FOREIGN_KEY),
        (_FREED,),
        "assert 1 == 0",
        _TWO_WALLS,
    ),
    Mistake(
        ("Parking/redrive-no-inbox",),
        (Edit(_DRAINER, " or not await inbox.take(connection, self._name, [event.id])", ""),),
        (f"{_PARKED}test_settled_records_that_come_again_have_no_effect_and_block_nothing",),
        r"assert \{'A': \[1, 1\], .*\} == \{'A': \[1\], ",
    ),
    Mistake(
        ("Parking/inbox-then-key",),
        (Edit(_CONSUMER, _LOOK_THEN_INBOX, _INBOX_THEN_LOOK),),
        (f"{_LOCKS}test_a_copy_of_a_record_that_is_being_redriven_waits_and_locks_nothing_that_the_redrive_needs",),
        "DeadlockDetectedError: deadlock detected",
        "PostgreSQL ends the deadlock after a second, so that the harm is a time-out and work done again.",
    ),
    Mistake(
        ("Parking/seen-unreadable",),
        (_GIVE_BACK,),
        (f"{_ORDERS}test_a_redriven_key_goes_on_in_order_from_its_oldest_record",),
        r"assert \{\} == \{'A': \[1, 2, 3\]\}",
    ),
    Mistake(
        ("Parking/seen-key-first",),
        (_GIVE_BACK,),
        ("tests/integration/test_two_owners.py::test_the_second_does_not_pass_a_record_that_the_first_is_parking",),
        r"assert \{'held': 1, 'k': 1\} == \{'held': 1\}",
    ),
    Mistake(
        ("Parking/free-with-head",),
        (
            Edit(
                _PARKING,
                "\nand not exists (select from parked p where p.consumer = $1 and p.topic = $2 and p.open_key = $3)",
                "",
            ),
            _WITHOUT_FOREIGN_KEY,
        ),
        (f"{_PARKED}test_after_a_redrive_what_was_held_drains_in_order",),
        "assert 0 == 3",
        _TWO_WALLS,
    ),
    Mistake(
        ("Parking/no-drainer",),
        (Edit(_DRAINER, "        return done + await self.drain()\n", "        return done\n"),),
        (f"{_ORDERS}test_what_a_discard_leaves_behind_is_drained_in_order_and_copies_of_it_have_no_effect",),
        r"\(1, 'held'\) != \(1, 'redriven'\)",
    ),
    Mistake(
        ("Parking/park-fails-drop",),
        (
            Edit(
                _CONSUMER,
                _PARK_ALONE,
                f"            try:\n    {_PARK_ALONE}            except Exception:\n                return\n",
            ),
        ),
        (
            "tests/integration/test_parking_away.py::"
            "test_while_parking_is_impossible_the_consumer_stops_and_no_offset_moves",
        ),
        "the batch was not done again three times",
    ),
    Mistake(
        ("Parking/limit-drops",),
        (Edit(_PARKING, "            raise ParkingLimit(f", "            return  # ("),),
        (
            "tests/integration/test_consumer_inbox.py::test_too_much_parking_pauses_at_the_limit_and_goes_on_when_a_minute_has_passed",
        ),
        "DID NOT RAISE .*ParkingLimit",
    ),
)
