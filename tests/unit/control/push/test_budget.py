import asyncio

from lateen.control.push.budget import Budget


def run(work):
    return asyncio.run(asyncio.wait_for(work, 10))


async def hold(budget, size, done, name):
    give_back = await budget.hold(size)
    done.append(name)
    return give_back


async def granted(budget, size):
    """Whether so much may be sent at once, without a wait; it is held then."""
    waits = asyncio.create_task(budget.hold(size))
    await asyncio.sleep(0)
    done = waits.done()
    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    return done


def test_those_for_whom_nothing_is_left_wait_in_order():
    async def work():
        budget, done = Budget(10, small=0), []
        first = await hold(budget, 8, done, "one")
        two = asyncio.create_task(hold(budget, 8, done, "two"))
        three = asyncio.create_task(hold(budget, 1, done, "three"))
        await asyncio.sleep(0.01)
        assert done == ["one"]
        first()
        await asyncio.gather(two, three)
        assert done == ["one", "two", "three"]

    run(work())


def test_what_is_larger_than_all_takes_all():
    async def work():
        budget = Budget(10, small=0)
        give_back = await budget.hold(100)
        least = asyncio.create_task(budget.hold(1))
        await asyncio.sleep(0)
        assert not least.done()
        give_back()
        (await least)()
        # As much as there is was given back, not as much as was asked for.
        assert await granted(budget, 10)
        assert not await granted(budget, 1)

    run(work())


def test_what_is_small_is_not_counted():
    async def work():
        budget = Budget(10, small=5)
        assert await granted(budget, 10)
        assert await granted(budget, 5)
        assert not await granted(budget, 6)

    run(work())


def test_a_slow_one_holds_up_the_others_no_longer_than_patience():
    async def work():
        budget = Budget(10, 0.05, small=0)
        slow = await budget.hold(10)
        following = await budget.hold(10)
        # What was given back for the slow one is not given back again.
        slow()
        waits = asyncio.create_task(budget.hold(10))
        await asyncio.sleep(0)
        assert not waits.done()
        following()
        (await waits)()

    run(work())


def test_one_that_is_called_off_while_it_waits_takes_nothing():
    async def work():
        budget = Budget(10, small=0)
        first = await budget.hold(10)
        second = asyncio.create_task(budget.hold(10))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        assert second.cancelled()
        first()
        assert await granted(budget, 10)

    run(work())
