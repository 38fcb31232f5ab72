# SPDX-License-Identifier: MIT
"""The comparison itself: it finds what differs, tells how, and shortens the way there to the lines that matter."""
import os

from bench import Bench
from combinations import WORLDS, allowed, is_allowed, pairs_of, pairwise
from harness import contains, equal, holds
from scenario import Difference, Scenario

SYSTEMS = ("kernel", "overpass")
NOISE = [f"put q{number} x*10" for number in range(12)] + ["mkdir d", "put d/f abc", "mkdir d/e", "rename d/f d/g"]
UNION = "union redirect_dir=nofollow"
REST = ["chmod q3 600", "unlink q4", "rename q5 q6", "compare", "mkdir new", "put new/file abc", "rename new newer"]


class Planted(Scenario):
    """A scenario whose second union has something done to it that the first has not."""
    def __init__(self, plant, *arguments):
        super().__init__(*arguments)
        self.plant = plant

    def run(self, line):
        super().run(line)
        if self.places:
            self.plant(self.places[1], line)


class PlantedBench(Bench):
    def __init__(self, t, plant):
        super().__init__(t, ("kernel", "kernel"))
        self.plant = plant

    def scenario(self):
        return Planted(self.plant, self.t.settings, self.t.fresh("scenario"), None, self.names)


def found(t, plant):
    """What the comparison says of the planted difference, with the lines it leaves."""
    bench = PlantedBench(t, plant)
    lines = ["lower", *NOISE, UNION, *REST]
    scenario = bench.scenario()
    try:
        for line in lines:
            scenario.run(line)
        scenario.finish()
    except Difference as difference:
        wrong = difference
    finally:
        scenario.close()
    try:
        bench.report(lines, wrong)
    except AssertionError as failure:
        return str(failure)
    return "nothing"


def test_a_planted_difference_of_mode_is_found_and_shortened(t):
    text = found(t, lambda place, line: line.startswith("chmod q3") and place.answer("chmod q3 640"))
    contains(text, "what the unions show differs", "the kind of difference")
    contains(text, "./q3 file 0640", "the line that differs")
    equal([line.strip() for line in text.split("FILE:\n")[1].splitlines()], ["put q3 x*10", UNION, "chmod q3 600"], "what is left")


def test_a_planted_difference_of_an_answer_is_found_and_shortened(t):
    text = found(t, lambda place, line: line == "put new/file abc" and place.answer("rm_r new"))
    contains(text, "rename new newer", "the call that differs")
    contains(text, "ENOENT", "one of the answers")
    equal([line.strip() for line in text.split("FILE:\n")[1].splitlines()],
          [UNION, "mkdir new", "put new/file abc", "rename new newer"], "what is left")


def test_a_planted_mark_in_the_upper_layer_is_found_and_shortened(t):
    def plant(place, line):
        if line == "mkdir new":
            os.setxattr(place.upper + "/new", "trusted.overlay.redirect", b"/d")
    text = found(t, plant)
    contains(text, "what the unions left in upper and work differs", "the kind of difference")
    contains(text, "below=/d", "where the mark leads")
    equal([line.strip() for line in text.split("FILE:\n")[1].splitlines()], [UNION, "mkdir new"], "what is left")


def test_every_pair_of_levels_that_may_meet_meets(t):
    for world, factors in WORLDS.items():
        chosen = pairwise(factors)
        met = set().union(*map(pairs_of, chosen))
        holds(all(is_allowed(one) and set(one) == set(factors) for one in chosen), f"whole combinations in world {world}")
        equal(met, set().union(*map(pairs_of, allowed(factors))), f"the pairs of world {world}")
        holds(len(chosen) < 40, f"few combinations cover the world {world}: {len(chosen)}")
