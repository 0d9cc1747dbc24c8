import threading

import pytest
import torch

from platform.datasets.batches.torch_threads import torch_workers


@pytest.mark.parametrize("threads", [1, 3])
def test_torch_computes_alone_in_a_worker_and_as_before_elsewhere(threads):
    own = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with torch_workers(threads) as pool:
            together = threading.Barrier(threads)  # so that each thread has one

            def count():
                together.wait()
                return torch.get_num_threads()

            inside = [pool.submit(count) for _ in range(threads)]
            assert [counted.result() for counted in inside] == [1] * threads
            assert torch.get_num_threads() == 2
            assert in_a_new_thread(torch.get_num_threads) == 2
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(own)


def in_a_new_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]
