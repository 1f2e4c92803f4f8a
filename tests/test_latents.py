"""Arithmetic on latents, and the score of how disentangled they are."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import mutual_info_score

from zoo import latents
from zoo.errors import InputError
from zoo.metrics.disentanglement import mutual_information_gap

STREAM = np.random.RandomState(0)
ONE, OTHER = STREAM.normal(size=(2, 16)).astype("float32")


class Broken:
    """An object that raises whatever it is asked."""

    def __array__(self, *_, **__):
        raise KeyError("x")

    def __repr__(self):
        raise RuntimeError


# === Drawing ===


@pytest.mark.slow
@pytest.mark.parametrize("threshold", [0.4, 1.0, 2.5])
def test_truncated_latents_are_those_that_resampling_would_leave(threshold):
    drawn = latents.sample(4000, (2,), seed=0)
    found = latents.truncate(drawn, threshold).ravel()
    assert np.abs(found).max() <= threshold
    assert stats.kstest(found, stats.truncnorm(-threshold, threshold).cdf).pvalue > 0.01
    # Each number keeps its rank, so that images change little by little with the threshold.
    assert (np.diff(found[np.argsort(drawn.ravel())]) >= 0).all()


def test_truncation_goes_from_the_mean_to_the_normal_distribution():
    drawn = np.array([[-9.0, -1.0, 0.0, 0.5, 9.0]], "float32")
    np.testing.assert_array_equal(latents.truncate(drawn, 0.0), np.zeros((1, 5)))
    np.testing.assert_allclose(latents.truncate(drawn[:, 1:4], 20.0), drawn[:, 1:4], atol=1e-6)
    assert np.isfinite(latents.truncate(drawn, 20.0)).all()
    with pytest.raises(InputError, match="threshold is -1, expected a number of at least 0"):
        latents.truncate(drawn, -1)
    with pytest.raises(InputError, match="latents holds NaN or infinite values, expected an array of finite numbers"):
        latents.truncate([np.nan, 1.0], 0.5)
    assert latents.truncate([], 0.5).shape == (0,)


def test_labels_are_drawn_uniformly():
    drawn = latents.sample_labels(3000, 3, seed=0)
    assert stats.chisquare(np.bincount(drawn, minlength=3)).pvalue > 1e-3
    np.testing.assert_array_equal(latents.sample_labels(64, 3, seed=0), drawn[:64])


def test_unknown_distributions_are_refused():
    with pytest.raises(InputError, match="distribution is 'gaussian', expected 'normal' or 'uniform'"):
        latents.sample(2, (3,), seed=0, distribution="gaussian")


# === Interpolating ===


def test_a_line_is_divided_evenly():
    np.testing.assert_allclose(latents.interpolate([0.0, 4.0], [2.0, 0.0], 3), [[0, 4], [1, 2], [2, 0]])


@pytest.mark.parametrize("spherical", [False, True])
def test_the_ends_are_the_latents(spherical):
    path = latents.interpolate(np.stack([ONE, OTHER]), np.stack([OTHER, ONE]), 5, spherical)
    assert path.shape == (5, 2, 16) and path.dtype == "float32"
    np.testing.assert_allclose(path[0], [ONE, OTHER], atol=1e-6)
    np.testing.assert_allclose(path[-1], [OTHER, ONE], atol=1e-6)


def test_a_great_circle_keeps_the_length_and_turns_evenly():
    unit, across = np.eye(4)[:2]
    path = latents.interpolate(unit, across, 7, spherical=True)
    np.testing.assert_allclose(np.linalg.norm(path, axis=-1), 1.0, atol=1e-6)
    np.testing.assert_allclose(np.degrees(np.arccos(np.clip(path @ unit, -1, 1))), np.arange(7) * 15.0, atol=1e-3)


@pytest.mark.parametrize("end", [ONE, -ONE, 2 * ONE])
def test_latents_without_an_angle_between_them_are_joined_by_the_line(end):
    path = latents.interpolate(ONE, end, 5, spherical=True)
    np.testing.assert_allclose(path, latents.interpolate(ONE, end, 5), atol=1e-4)


# === Editing ===


def test_a_traversal_changes_one_dimension():
    path = latents.traverse(ONE, 3, [-2.0, 0.0, 2.0])
    np.testing.assert_array_equal(path[:, 3], [-2, 0, 2])
    np.testing.assert_array_equal(np.delete(path, 3, 1), np.delete(np.stack([ONE] * 3), 3, 1))
    assert latents.traverse(np.stack([ONE, OTHER]), 3, [0.0, 1.0]).shape == (2, 2, 16)


def test_a_direction_is_the_difference_of_means():
    found, present = STREAM.normal(size=(50, 16)), np.arange(50) % 3 == 0
    expected = found[present].mean(0) - found[~present].mean(0)
    np.testing.assert_allclose(latents.attribute_direction(found, present), expected, atol=1e-5)


def test_a_direction_leaves_out_what_comes_along():
    # Glasses that mostly men wear: the difference of means would make a man of everyone.
    man = STREAM.uniform(size=2000) < 0.5
    glasses = STREAM.uniform(size=2000) < np.where(man, 0.9, 0.1)
    found = np.stack([3.0 * glasses, 5.0 * man], 1) + 0.01 * STREAM.normal(size=(2000, 2))
    assert latents.attribute_direction(found, glasses)[1] > 3.0
    np.testing.assert_allclose(latents.attribute_direction(found, glasses, man[:, None]), [3.0, 0.0], atol=0.01)


def test_changes_depend_on_what_the_latents_tell_of_other_attributes():
    # Round and square glasses, which look another way on a man, in latents that hold all of it.
    man, glasses, round_ones = (STREAM.uniform(size=200) < 0.5 for _ in range(3))
    round_ones &= glasses

    def seen(man, glasses, round_ones):
        columns = [5.0 * man, 3.0 * glasses, 2.0 * round_ones, 4.0 * glasses * man]
        return np.stack(columns, 1) @ np.linalg.qr(np.arange(16.0).reshape(4, 4) ** 0.5)[0]

    found = seen(man, glasses, round_ones)
    changes = latents.attribute_changes(found, glasses, np.stack([man, round_ones], 1))
    assert changes.shape == (2, 5, 4)
    taken = latents.move(found[glasses], changes, -1.0)
    np.testing.assert_allclose(taken, seen(man, False * glasses, False * glasses)[glasses], atol=1e-4)
    given = latents.move(found[~glasses], changes, np.ones((~glasses).sum()))
    np.testing.assert_allclose(given, seen(man, ~glasses, False * glasses)[~glasses], atol=1e-4)
    both = latents.move(found, changes, np.where(glasses, -0.5, 0.5))
    np.testing.assert_allclose(both[glasses], (found[glasses] + taken) / 2, atol=1e-4)
    np.testing.assert_allclose(both[~glasses], (found[~glasses] + given) / 2, atol=1e-4)

    # Of one, of one by several amounts, and of each layer.
    one = found[~glasses][0]
    np.testing.assert_allclose(latents.move(one, changes, 1.0), given[0], atol=1e-5)
    np.testing.assert_allclose(latents.move(one, changes, [0.0, 1.0]), [one, given[0]], atol=1e-5)
    layered = np.stack([found[~glasses]] * 3, 1)
    np.testing.assert_allclose(latents.move(layered, changes, 1.0), np.stack([given] * 3, 1), atol=1e-5)


def test_changes_without_others_are_the_direction():
    found, present = STREAM.normal(size=(50, 16)), np.arange(50) % 3 == 0
    changes = latents.attribute_changes(found, present, np.empty((50, 0)))
    np.testing.assert_allclose(changes[:, 0], [latents.attribute_direction(found, present)] * 2, atol=1e-5)
    np.testing.assert_array_equal(changes[:, 1:], 0)


def test_moving_goes_along_the_direction():
    np.testing.assert_allclose(latents.move(ONE, OTHER, 1.5), ONE + 1.5 * OTHER, atol=1e-6)
    np.testing.assert_allclose(latents.move(ONE, OTHER, [0.0, 2.0]), [ONE, ONE + 2 * OTHER], atol=1e-6)
    moved = latents.move(np.stack([ONE, ONE]), OTHER, [0.0, -1.0])
    np.testing.assert_allclose(moved, [ONE, ONE - OTHER], atol=1e-6)


def test_swapping_exchanges_dimensions():
    first, second = latents.swap(ONE, OTHER, [0, 5])
    np.testing.assert_array_equal(first[[0, 5]], OTHER[[0, 5]])
    np.testing.assert_array_equal(second[[0, 5]], ONE[[0, 5]])
    np.testing.assert_array_equal(np.delete(first, [0, 5]), np.delete(ONE, [0, 5]))
    np.testing.assert_array_equal(latents.swap(ONE, OTHER, []), [ONE, OTHER])
    np.testing.assert_array_equal(latents.swap(ONE, OTHER, 5), latents.swap(ONE, OTHER, [5]))


def test_averages_may_be_weighted():
    np.testing.assert_allclose(latents.average([ONE, OTHER], weights=[3, 1]), 0.75 * ONE + 0.25 * OTHER, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: latents.interpolate(ONE, OTHER[:3], 4), "end"),
        (lambda: latents.interpolate(ONE, OTHER, 1), "steps is 1, expected an integer of at least 2"),
        (lambda: latents.interpolate("a", OTHER, 4), "start is .a., expected latents"),
        (lambda: latents.traverse(ONE, 16, [0.0]), "dimension is 16, expected an integer from 0 to 15"),
        (lambda: latents.traverse(np.zeros((2, 2, 2, 2)), 0, [0.0]), r"latents has shape \(2, 2, 2, 2\)"),
        (lambda: latents.attribute_direction([ONE, OTHER], [True]), "present has shape"),
        (
            lambda: latents.attribute_direction(np.zeros((2, 6, 5)), [True, False]),
            r"latents has shape \(2, 6, 5\), exp",
        ),
        (lambda: latents.attribute_direction([ONE, OTHER], [True, True]), "present is True for all"),
        (lambda: latents.attribute_direction([ONE, OTHER], ["yes", "no"]), "present holds 'yes', expected True"),
        (lambda: latents.attribute_direction([ONE, OTHER], [0, 2]), "present holds 2, expected True or False"),
        (lambda: latents.attribute_direction([ONE, OTHER], [True, False], [1, 2]), "others has shape"),
        (lambda: latents.attribute_changes([ONE, OTHER], [1, 0], [[1]]), r"others has shape \(1, 1\), expected \(2"),
        (lambda: latents.move(ONE, OTHER[:2], 1.0), r"direction has shape \(2,\), expected \(16,\) or \(2, 17, 16\)"),
        (lambda: latents.move([ONE, OTHER], ONE, "big"), "amount is 'big', expected a number, or one for each"),
        (lambda: latents.move([ONE, OTHER], ONE, np.nan), "amount holds NaN or infinite values, expected a number"),
        (lambda: latents.traverse([ONE, OTHER], 0, "a"), "values is 'a', expected a number or a list of numbers"),
        (lambda: latents.traverse(ONE, 0, [[1.0]]), r"values has shape \(1, 1\), expected a number or a list"),
        (lambda: latents.interpolate(ONE, ONE * np.nan, 3), "end holds NaN or infinite values"),
        (
            lambda: latents.attribute_direction([ONE, OTHER], [0, 1], [[np.nan], [1]]),
            "others holds NaN or infinite",
        ),
        (lambda: latents.swap(ONE, OTHER, [[1], [1, 2]]), "dimensions is a list of arrays of different shapes"),
        (lambda: latents.average([ONE, OTHER], weights=["a", "b"]), "weights is no array of numbers, expected 2"),
        (lambda: latents.move([ONE, OTHER], ONE, [1, 2, 3]), r"amount has shape \(3,\), expected a number"),
        (lambda: latents.swap(ONE, OTHER[:2], [0]), "second"),
        (lambda: latents.swap(ONE, OTHER, 16), "dimensions is 16, expected integers from 0 to 15"),
        (lambda: latents.average(ONE), r"latents has shape \(16,\), expected several"),
        (lambda: latents.average([ONE, OTHER], weights=[1, -1]), "expected 2 numbers that do not add up to 0"),
        (lambda: latents.sample(0, (3,)), "num_samples is 0"),
        (lambda: latents.sample(3, (3,), start=-1), "start is -1, expected an integer of at least 0"),
        (lambda: latents.sample(3, (3,), start=2.5), "start is 2.5, expected an integer of at least 0"),
        (lambda: latents.sample(4, 64), "shape is 64, expected a list of integers"),
        (lambda: latents.sample(2**31 - 1, (9,)), "expected at most 4 GiB of them"),
        (
            lambda: latents.sample(10**5000, (9,)),
            "num_samples is an object of type int",
        ),
        (lambda: latents.sample_labels(-2, 3, 0), "num_samples is -2, expected an integer of at least 1"),
        (lambda: latents.sample_labels(2, 0, 0), "num_classes is 0, expected an integer of at least 1"),
        (lambda: latents.sample_labels(2, 3, None), "seed is None, expected an integer from 0"),
        (lambda: latents.interpolate(ONE, OTHER, 3, spherical="no"), "spherical is 'no', expected True or False"),
        (lambda: latents.average(ONE[None] * 1j), "latents is no array of numbers, expected latents"),
        (lambda: latents.average(np.ma.masked_array(ONE[None])), "latents is a masked array, expected a plain one"),
        (lambda: latents.average([np.ma.masked_array(ONE)]), "latents is a masked array, expected a plain one"),
        (lambda: latents.average(ONE[None] > 0), "latents is no array of numbers"),
        (lambda: latents.average(None), "latents is None, expected latents"),
        (lambda: latents.average(Broken()), r"latents is an object of type Broken, which makes no array \(KeyError\)"),
        (lambda: latents.average(np.broadcast_to(ONE[0], (10**7, 10**7))), "takes more memory than there is"),
        (lambda: latents.move(ONE, OTHER, 10**400), "amount is an object of type int|amount is 1000"),
        (lambda: latents.traverse(ONE, 0, []), "values has shape"),
    ],
)
def test_what_does_not_fit_is_refused(call, says):
    with pytest.raises(InputError, match=says):
        call()


# === Disentanglement ===


def test_the_gap_is_1_where_each_dimension_is_a_factor():
    factors = STREAM.randint(0, 4, (2000, 3))
    gap, each = mutual_information_gap(factors, factors)
    assert gap == pytest.approx(1.0, abs=0.02)
    assert each.shape == (3,)


def test_the_gap_is_0_where_two_dimensions_say_the_same():
    factor = STREAM.randint(0, 4, 500)
    assert mutual_information_gap(np.stack([factor, -factor], 1), factor[:, None])[0] == pytest.approx(0.0, abs=1e-9)


def test_the_gap_is_its_formula():
    found, factors = STREAM.normal(size=(300, 4)), {"a": STREAM.randint(0, 3, 300), "b": STREAM.randint(0, 2, 300)}
    found[:, 1] += 2.0 * factors["a"]
    gaps = {}
    for name, factor in factors.items():
        informations = []
        for column in found.T:
            edges = np.linspace(column.min(), column.max(), 11)[1:-1]
            informations.append(mutual_info_score(np.digitize(column, edges), factor))
        shares = np.bincount(factor) / 300
        second, first = np.sort(informations)[-2:]
        gaps[name] = (first - second) / -np.sum(shares * np.log(shares))
    gap, each = mutual_information_gap(found, factors, bins=10)
    assert each == pytest.approx(gaps)
    assert gap == pytest.approx(np.mean(list(gaps.values())))


@pytest.mark.slow
def test_factors_that_do_not_vary_are_left_out():
    factors = {"a": STREAM.randint(0, 3, 300), "still": np.zeros(300, "uint64")}
    assert set(mutual_information_gap(STREAM.normal(size=(300, 4)), factors)[1]) == {"a"}
    with pytest.raises(InputError, match="no factor of more than one value"):
        mutual_information_gap(STREAM.normal(size=(300, 4)), {"still": factors["still"]})
    with pytest.raises(InputError, match=r"factors\['short'\] has shape \(299,\), expected \(300,\)"):
        mutual_information_gap(STREAM.normal(size=(300, 4)), {**factors, "short": factors["a"][1:]})
    with pytest.raises(InputError, match="latents holds NaN or infinite values"):
        mutual_information_gap(np.full((300, 4), np.nan), factors)
    with pytest.raises(InputError, match=r"factors\['angle'\] has dtype float64, expected integers or booleans"):
        mutual_information_gap(STREAM.normal(size=(300, 4)), {**factors, "angle": STREAM.normal(size=300)})
    with pytest.raises(InputError, match="bins is 0, expected an integer of at least 1"):
        mutual_information_gap(STREAM.normal(size=(300, 4)), factors, bins=0)
