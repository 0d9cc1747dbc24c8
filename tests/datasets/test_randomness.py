import numpy as np
import pytest

from platform.datasets.randomness import Stream, philox, uniforms


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # the known answers that come with Random123, the authors' implementation
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (
            (0xFFFFFFFF,) * 4,
            (0xFFFFFFFF,) * 2,
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_known_answers(counter, key, expected):
    words = philox(np.array(counter, dtype=np.uint64)[:, None], key)
    assert tuple(words[:, 0]) == expected


def test_a_row_has_the_same_numbers_in_any_company():
    together = uniforms(3, 7, np.arange(50), 9)
    assert np.array_equal(uniforms(3, 7, np.array([31, 4]), 9), together[[31, 4]])
    assert np.array_equal(uniforms(3, 7, np.arange(50), 4), together[:, :4])


@pytest.mark.parametrize(("seed", "epoch"), [(4, 7), (3 + 2**32, 7), (3, 8)])
def test_seed_and_epoch_change_every_number(seed, epoch):
    rows = np.arange(200)
    assert not (uniforms(3, 7, rows, 5) == uniforms(seed, epoch, rows, 5)).any()


def test_streams_share_no_number_and_the_first_is_what_it_was_without_any():
    rows = np.arange(200)
    columns = [uniforms(3, 7, rows, 5, stream) for stream in Stream]
    assert len(np.unique(columns)) == len(Stream) * 200 * 5
    assert np.array_equal(uniforms(3, 7, rows, 5), columns[0])


def test_numbers_are_uniform_and_uncorrelated():
    draws = np.stack([uniforms(0, epoch, np.arange(20_000), 6) for epoch in range(2)])
    assert draws.min() >= 0
    assert draws.max() < 1
    counts = np.stack([np.histogram(column, bins=20, range=(0, 1))[0] for column in draws.reshape(-1, 6).T])
    chi_square = ((counts - 2000) ** 2 / 2000).sum(axis=1)
    assert chi_square.max() < 45  # 19 degrees of freedom: above 43.8 once in a thousand
    columns = np.concatenate([draws[0], draws[1]], axis=1)
    correlation = np.corrcoef(columns.T) - np.eye(12)
    neighbours = np.corrcoef(columns[:-1, 0], columns[1:, 0])[0, 1]
    assert abs(correlation).max() < 0.03
    assert abs(neighbours) < 0.03
