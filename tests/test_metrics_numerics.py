"""The numerics of the metrics against scipy, scikit-learn, closed forms and naive loops."""

import itertools
import tracemalloc

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors

from zoo.errors import InputError
from zoo.metrics import (
    frechet_distance,
    gaussian_statistics,
    kernel_distance,
    nearest_images,
    nearest_neighbors,
    pairwise_squared_distances,
    precision_recall,
    psnr,
    psnr_luma,
)

PICTURES = np.zeros((2, 4, 4, 1), "uint8")


def random_covariance(rng, dimensions):
    root = rng.normal(size=(dimensions, dimensions + 5))
    return root @ root.T / dimensions


def peak_megabytes(fn):
    tracemalloc.start()
    fn()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


# === Fréchet distance ===


@pytest.mark.parametrize("dimensions", [1, 2, 7, 40])
def test_frechet_matches_scipy_sqrtm(dimensions):
    rng = np.random.default_rng(dimensions)
    mean_a, mean_b = rng.normal(size=(2, dimensions))
    a, b = random_covariance(rng, dimensions), random_covariance(rng, dimensions)
    root = sqrtm(a)
    expected = np.sum((mean_a - mean_b) ** 2) + np.trace(a + b - 2 * sqrtm(root @ b @ root)).real
    assert frechet_distance(mean_a, a, mean_b, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(mean_b, b, mean_a, a) == pytest.approx(expected, rel=1e-9)


def test_frechet_closed_form_for_diagonal_covariances():
    rng = np.random.default_rng(0)
    mean_a, mean_b = rng.normal(size=(2, 12))
    a, b = rng.uniform(0.1, 4, size=(2, 12))
    expected = np.sum((mean_a - mean_b) ** 2) + np.sum((np.sqrt(a) - np.sqrt(b)) ** 2)
    result = frechet_distance(mean_a, np.diag(a), mean_b, np.diag(b))
    assert isinstance(result, float)
    assert result == pytest.approx(expected, rel=1e-12)


def test_frechet_of_equal_means_and_point_masses():
    zeros = np.zeros((3, 3))
    assert frechet_distance([0, 0, 0], zeros, [1, 2, 2], zeros) == 9
    assert frechet_distance([0, 0, 0], zeros, [0, 0, 0], np.eye(3)) == pytest.approx(3)


@pytest.mark.parametrize("samples", [5, 30, 500])
def test_frechet_of_identical_sets_is_zero(samples):
    features = np.random.default_rng(1).normal(size=(samples, 30))
    statistics = gaussian_statistics(features)
    result = frechet_distance(*statistics, *statistics)
    assert 0 <= result < 1e-11


def test_frechet_of_rank_deficient_covariances():
    # Fewer samples than dimensions: the cross term is the nuclear norm of X Y^T of the sets.
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(20, 64)), 2 * rng.normal(size=(13, 64)) + 1
    centred_x = (x - x.mean(0)) / np.sqrt(19)
    centred_y = (y - y.mean(0)) / np.sqrt(12)
    expected = (
        np.sum((x.mean(0) - y.mean(0)) ** 2)
        + np.sum(centred_x**2)
        + np.sum(centred_y**2)
        - 2 * np.linalg.norm(centred_x @ centred_y.T, "nuc")
    )
    result = frechet_distance(*gaussian_statistics(x), *gaussian_statistics(y))
    assert result == pytest.approx(expected, rel=1e-10)


def test_frechet_of_orthogonal_subspaces_has_no_cross_term():
    a, b = np.diag([1.0, 2, 0, 0]), np.diag([0.0, 0, 3, 4])
    assert frechet_distance(np.zeros(4), a, np.zeros(4), b) == pytest.approx(10, rel=1e-14)


def test_frechet_accepts_float32_statistics():
    features = np.random.default_rng(3).normal(size=(10, 50))
    mean, cov = (moment.astype(np.float32) for moment in gaussian_statistics(features))
    assert frechet_distance(mean, cov, mean, cov) < 1e-4


def test_frechet_refuses_bad_statistics():
    mean, cov = np.zeros(2), np.eye(2)
    with pytest.raises(ValueError, match=r"mean_a has shape \(2, 2\), expected \(dimensions,\)"):
        frechet_distance(cov, cov, mean, cov)
    with pytest.raises(ValueError, match=r"mean_a has shape \(0,\)"):
        frechet_distance([], cov, mean, cov)
    with pytest.raises(ValueError, match=r"mean_b has shape \(3,\), expected \(2,\)"):
        frechet_distance(mean, cov, np.zeros(3), cov)
    with pytest.raises(ValueError, match=r"cov_a has shape \(3, 3\), expected \(2, 2\)"):
        frechet_distance(mean, np.eye(3), mean, cov)
    with pytest.raises(ValueError, match=r"cov_b has shape \(2,\), expected \(2, 2\)"):
        frechet_distance(mean, cov, mean, mean)
    with pytest.raises(ValueError, match="mean_b holds NaN or infinite values, expected finite numbers"):
        frechet_distance(mean, cov, [0, np.nan], cov)
    with pytest.raises(ValueError, match=r"cov_b holds .* expected finite numbers"):
        frechet_distance(mean, cov, mean, np.diag([1, np.inf]))
    with pytest.raises(ValueError, match=r"cov_a differs from its mirror image .* expected a symmetric matrix"):
        frechet_distance(mean, [[1, 0.5], [0, 1]], mean, cov)
    with pytest.raises(ValueError, match="cov_b has the eigenvalue -1, expected a positive semidefinite"):
        frechet_distance(mean, cov, mean, np.diag([1, -1]))


# === Gaussian statistics ===


@pytest.mark.parametrize("samples", [2, 5, 2500])
def test_gaussian_statistics_match_numpy(samples):
    features = np.random.default_rng(4).normal(3, 2, size=(samples, 9)).astype(np.float32)
    mean, cov = gaussian_statistics(features)
    assert mean.dtype == cov.dtype == np.float64
    np.testing.assert_allclose(mean, features.astype(np.float64).mean(0), rtol=1e-12)
    expected = np.cov(features.astype(np.float64), rowvar=False)
    np.testing.assert_allclose(cov, expected, rtol=1e-10, atol=1e-12)


def test_gaussian_statistics_survive_a_large_offset():
    features = np.random.default_rng(5).normal(size=(3000, 3))
    _, cov = gaussian_statistics(features + 1e7)
    np.testing.assert_allclose(cov, np.cov(features, rowvar=False), atol=1e-7)


def test_gaussian_statistics_accept_integers():
    mean, cov = gaussian_statistics(np.array([[0, 255], [255, 0]], np.uint8))
    np.testing.assert_array_equal(mean, [127.5, 127.5])
    np.testing.assert_array_equal(cov, 32512.5 * np.array([[1, -1], [-1, 1]]))


# === Kernel distance ===


def naive_kernel_distance(a, b):
    within_a, within_b = polynomial_kernel(a, degree=3), polynomial_kernel(b, degree=3)
    m, n = len(a), len(b)
    return (
        (within_a.sum() - np.trace(within_a)) / (m * (m - 1))
        + (within_b.sum() - np.trace(within_b)) / (n * (n - 1))
        - 2 * polynomial_kernel(a, b, degree=3).mean()
    )


@pytest.mark.parametrize("sizes", [(2, 3), (40, 25), (1100, 2049)])
def test_kernel_distance_matches_sklearn(sizes):
    rng = np.random.default_rng(6)
    a, b = rng.normal(size=(sizes[0], 8)), rng.normal(0.3, 1.2, size=(sizes[1], 8))
    result = kernel_distance(a, b)
    assert isinstance(result, float)
    assert result == pytest.approx(naive_kernel_distance(a, b), rel=1e-9, abs=1e-12)
    assert kernel_distance(b, a) == pytest.approx(result, rel=1e-9)


def test_kernel_distance_is_unbiased():
    # The expectation over every equally likely pair of samples from one three-point distribution.
    points = np.array([[1.0, 0.5], [-2.0, 1.0], [0.0, 3.0]])
    draws = [points[list(rows)] for rows in itertools.product(range(3), repeat=5)]
    estimates = [kernel_distance(draw[:2], draw[2:]) for draw in draws]
    assert np.mean(estimates) == pytest.approx(0, abs=1e-12)
    assert min(estimates) < -1 and max(estimates) > 1


def test_kernel_distance_of_two_samples_of_one_distribution_is_near_zero():
    rng = np.random.default_rng(7)
    estimates = [kernel_distance(*rng.normal(0.5, 1, size=(2, 200, 5))) for _ in range(100)]
    # Pairs of a row with itself would add about 0.13, 25 standard errors.
    assert abs(np.mean(estimates)) < 4 * np.std(estimates) / np.sqrt(len(estimates))


def test_kernel_distance_grows_with_a_shift():
    rng = np.random.default_rng(8)
    real, generated = rng.normal(size=(2, 400, 6))
    distances = [kernel_distance(real, generated + shift) for shift in (0, 0.5, 1)]
    assert distances[0] < 0.05 < distances[1] < distances[2]


def test_kernel_distance_computes_in_float64():
    rng = np.random.default_rng(9)
    a, b = rng.normal(size=(2, 60, 16)).astype(np.float16)
    expected = naive_kernel_distance(a.astype(np.float64), b.astype(np.float64))
    assert kernel_distance(a, b) == pytest.approx(expected, rel=1e-9)


# === Pairwise distances and nearest neighbours ===


def test_pairwise_squared_distances_match_scipy():
    rng = np.random.default_rng(10)
    a, b = rng.normal(size=(30, 300)), rng.normal(size=(20, 300))
    result = pairwise_squared_distances(a, b)
    np.testing.assert_allclose(result, cdist(a, b, "sqeuclidean"), rtol=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e7])
def test_pairwise_squared_distances_survive_cancellation(offset):
    # Tight clusters far apart, far from the origin: the plain expansion would lose every digit.
    rng = np.random.default_rng(11)
    centres = offset + 100 * rng.normal(size=(4, 64))
    points = (centres[:, None] + 1e-3 * rng.normal(size=(4, 10, 64))).reshape(40, 64)
    result = pairwise_squared_distances(points, points)
    np.testing.assert_allclose(result, cdist(points, points, "sqeuclidean"), rtol=1e-8)
    assert (np.diag(result) == 0).all()


def test_pairwise_squared_distances_are_exact_for_whole_numbers():
    rng = np.random.default_rng(12)
    a, b = rng.integers(0, 256, size=(2, 30, 784), dtype=np.uint8)
    np.testing.assert_array_equal(pairwise_squared_distances(a, b), cdist(a, b, "sqeuclidean"))


@pytest.mark.parametrize("block", [1, 7, 1024])
def test_nearest_neighbors_match_sklearn(block):
    rng = np.random.default_rng(13)
    queries, references = rng.normal(size=(23, 5)), rng.normal(size=(50, 5))
    index, distance = nearest_neighbors(queries, references, block=block)
    search = NearestNeighbors(n_neighbors=1).fit(references)
    expected_distance, expected_index = search.kneighbors(queries)
    assert index.dtype == np.int64 and distance.dtype == np.float64
    np.testing.assert_array_equal(index, expected_index[:, 0])
    np.testing.assert_allclose(distance, expected_distance[:, 0], rtol=1e-12)


def test_nearest_neighbors_find_copies_and_take_the_first_of_equals():
    references = np.array([[5, 5], [1, 2], [1, 2], [9, 9]], np.uint8)
    index, distance = nearest_neighbors(np.array([[1, 2], [9, 8]]), references, block=2)
    np.testing.assert_array_equal(index, [1, 3])
    np.testing.assert_array_equal(distance, [0, 1])


def test_nearest_images_are_the_nearest_in_pixels():
    references = np.random.default_rng(15).integers(0, 256, size=(20, 4, 3, 2), dtype=np.uint8)
    queries = references[[7, 3]] ^ 1
    index, distance = nearest_images(queries, references)
    np.testing.assert_array_equal(index, [7, 3])
    # Each of the 24 numbers is off by 1.
    np.testing.assert_allclose(distance, np.sqrt(24))


@pytest.mark.parametrize(
    ("references", "says"),
    [
        (
            PICTURES / np.float32(127.5) - 1,
            r"references holds float32 images of shape .*, expected those of queries, uint8",
        ),
        (PICTURES.reshape(2, 2, 8, 1), r"references holds uint8 images of shape \(2, 8, 1\), expected .* \(4, 4, 1\)"),
        (PICTURES[:0], r"references has shape \(0, 4, 4, 1\), expected \(n, height, width, channels\)"),
    ],
)
def test_images_that_do_not_compare_have_no_nearest(references, says):
    with pytest.raises(ValueError, match=says):
        nearest_images(PICTURES, references)


@pytest.mark.parametrize("block", [0, -1, 2.5, None])
def test_nearest_neighbors_refuse_a_bad_block(block):
    with pytest.raises(ValueError, match=r"block is .*, expected an integer of at least 1"):
        nearest_neighbors(np.zeros((2, 2)), np.zeros((2, 2)), block=block)


# === Precision and recall ===


def naive_share_inside(queries, references, k):
    radii = []
    for i, point in enumerate(references):
        others = (np.linalg.norm(point - x) for j, x in enumerate(references) if j != i)
        radii.append(sorted(others)[k - 1])
    inside = [
        any(np.linalg.norm(q - x) <= radius for x, radius in zip(references, radii, strict=True)) for q in queries
    ]
    return sum(inside) / len(queries)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_precision_recall_match_naive_loops(k):
    rng = np.random.default_rng(k)
    real, generated = rng.normal(size=(60, 4)), rng.normal(0.5, 0.8, size=(45, 4))
    precision, recall = precision_recall(real, generated, k=k)
    assert isinstance(precision, float) and isinstance(recall, float)
    assert precision == pytest.approx(naive_share_inside(generated, real, k))
    assert recall == pytest.approx(naive_share_inside(real, generated, k))


@pytest.mark.slow
def test_precision_recall_match_sklearn_across_blocks():
    rng = np.random.default_rng(14)
    real, generated = rng.normal(size=(2100, 6)), rng.normal(0.7, 1, size=(1500, 6))

    def share_inside(queries, references):
        # Without queries of its own, sklearn leaves each point out of its neighbours.
        radii = NearestNeighbors(n_neighbors=3).fit(references).kneighbors()[0][:, -1]
        return (cdist(queries, references) <= radii).any(axis=1).mean()

    precision, recall = precision_recall(real, generated)
    assert precision == pytest.approx(share_inside(generated, real))
    assert recall == pytest.approx(share_inside(real, generated))
    assert 0.3 < precision < 1 and 0.3 < recall < 1


def test_precision_recall_of_identical_sets_with_duplicates_are_one():
    rng = np.random.default_rng(15)
    # Five copies of each point make every radius 0: only exact zeros keep the points inside.
    points = np.repeat(rng.normal(1e3, 1, size=(20, 10)), 5, axis=0)
    assert precision_recall(points, points[::-1], k=3) == (1, 1)


def test_precision_recall_of_disjoint_clusters_are_zero():
    rng = np.random.default_rng(16)
    real, generated = rng.normal(size=(2, 100, 8))
    assert precision_recall(real, generated + 100) == (0, 0)


def test_precision_recall_include_the_boundary():
    real = np.array([[0.0], [1.0], [2.0], [3.0]])
    assert precision_recall(real, np.array([[4.0], [5.0]]), k=1)[0] == 0.5


@pytest.mark.slow
def test_precision_recall_of_one_distribution_on_a_line():
    # On a line with k=1, a sample is outside iff on each side the gap to the nearest real point
    # exceeds the gap from there to the next; gaps are iid, so this has probability 1/2 * 1/2.
    rng = np.random.default_rng(17)
    real, generated = rng.uniform(size=(2, 4000, 1))
    assert precision_recall(real, generated, k=1) == pytest.approx((0.75, 0.75), abs=0.03)


@pytest.mark.slow
def test_dropping_modes_lowers_recall_alone():
    rng = np.random.default_rng(18)
    centres = 20 * np.eye(4)
    real = np.concatenate([centre + rng.normal(size=(150, 4)) for centre in centres])
    complete = np.concatenate([centre + rng.normal(size=(150, 4)) for centre in centres])
    dropped = centres[0] + rng.normal(size=(600, 4))
    full_precision, full_recall = precision_recall(real, complete)
    precision, recall = precision_recall(real, dropped)
    assert full_precision > 0.85 and full_recall > 0.85
    assert precision == pytest.approx(full_precision, abs=0.08)
    assert 0.2 < recall <= 0.25
    # The same sets the other way round: samples off the data lower precision alone.
    assert precision_recall(dropped, real) == (recall, precision)


@pytest.mark.parametrize("k", [0, -1, 4, 2.0, True, None, "3"])
def test_precision_recall_refuse_a_bad_k(k):
    with pytest.raises(ValueError, match=r"k is .*, expected an integer from 1 to 3, fewer than the samples"):
        precision_recall(np.zeros((9, 2)), np.zeros((4, 2)), k=k)


# === What holds for all ===

TWO_SETS = [
    (kernel_distance, "features_a", "features_b", 2),
    (pairwise_squared_distances, "a", "b", 1),
    (nearest_neighbors, "queries", "references", 1),
    (precision_recall, "real", "generated", 2),
]
ONE_ARGUMENT = [(gaussian_statistics, "features", 2)]
for function, first, second, rows in TWO_SETS:
    good = np.zeros((5, 2))
    ONE_ARGUMENT.append((lambda x, f=function, g=good: f(x, g), first, rows))
    ONE_ARGUMENT.append((lambda x, f=function, g=good: f(g, x), second, rows))


@pytest.mark.parametrize(("call", "name", "min_rows"), ONE_ARGUMENT)
def test_features_are_checked(call, name, min_rows):
    for bad in (np.zeros(5), np.zeros((5, 2, 1)), np.zeros((5, 0)), np.zeros((5, 2), complex)):
        with pytest.raises(ValueError, match=f"{name} .*, expected finite real numbers of shape"):
            call(bad)
    with pytest.raises(ValueError, match=f"{name} has {min_rows - 1} rows, expected at least {min_rows}"):
        call(np.zeros((min_rows - 1, 2)))
    for bad in (np.nan, np.inf):
        features = np.zeros((5, 2))
        features[3, 1] = bad
        with pytest.raises(ValueError, match=f"{name} holds NaN or infinite"):
            call(features)


@pytest.mark.parametrize(("function", "first", "second", "rows"), TWO_SETS)
def test_dimensions_must_agree(function, first, second, rows):
    message = f"{second} has 3 dimensions, expected 2, as many as {first}"
    with pytest.raises(ValueError, match=message):
        function(np.zeros((5, 2)), np.zeros((5, 3)))


@pytest.mark.slow
@pytest.mark.parametrize("function", [kernel_distance, precision_recall, nearest_neighbors])
def test_memory_stays_bounded(function):
    real, generated = np.random.default_rng(19).normal(size=(2, 6000, 4)).astype(np.float32)
    # One full matrix of distances would be 288 MB.
    assert peak_megabytes(lambda: function(real, generated)) < 80


# === Pixels ===


def test_psnr_matches_the_definition():
    # Off by 16 everywhere: 20 log10(255 / 16).
    assert psnr(np.full((2, 4, 4, 1), 100, "uint8"), np.full((2, 4, 4, 1), 84, "uint8")) == pytest.approx(24.0485, 1e-4)
    assert psnr(np.zeros((1, 4, 4, 3), "uint8"), np.full((1, 4, 4, 3), 255, "uint8")) == 0.0
    assert psnr(np.ones((1, 4, 4, 3), "uint8"), np.ones((1, 4, 4, 3), "uint8")) == np.inf


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: psnr(-np.ones((1, 4, 4, 1)), np.ones((1, 4, 4, 1))), "images is float64 of shape .*, expected uint8"),
        (lambda: psnr(PICTURES, PICTURES[0]), r"others has shape \(4, 4, 1\), expected that of images, \(2, 4, 4, 1\)"),
        (lambda: psnr(PICTURES[:0], PICTURES[:0]), r"images is uint8 of shape \(0, 4, 4, 1\), expected uint8 images"),
        (lambda: psnr_luma(PICTURES[0] / 255, PICTURES[0]), "image is float64 of shape .*, expected uint8"),
        (lambda: psnr_luma(PICTURES[0], PICTURES), r"other has shape \(2, 4, 4, 1\), expected \(height, width, 1 or 3"),
        (lambda: psnr_luma(PICTURES[0], PICTURES[0], border=2), "border is 2, expected from 0 to less than half"),
        (lambda: psnr_luma(PICTURES[0], PICTURES[0, :2]), r"other is \(2, 4\), expected the size of image"),
    ],
)
def test_what_has_no_psnr_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize("odd", [None, "x", [[1], [1, 2]], np.ones((5, 2), complex), {}, np.ma.ones((5, 2))])
def test_what_is_no_array_is_refused_by_every_metric(odd):
    features, images = np.random.RandomState(0).normal(size=(5, 2)), np.zeros((2, 4, 4, 1), "uint8")
    calls = {
        gaussian_statistics: [odd],
        kernel_distance: [features, odd],
        precision_recall: [odd, features],
        nearest_neighbors: [features, odd],
        nearest_images: [images, odd],
        frechet_distance: [odd, np.eye(2), np.zeros(2), np.eye(2)],
        psnr: [images, odd],
        psnr_luma: [odd, images[0]],
    }
    for call, given in calls.items():
        with pytest.raises(InputError):
            call(*given)
