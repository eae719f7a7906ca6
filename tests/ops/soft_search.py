"""What a native soft search must find, beside the reference in float64."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recbench.ops import sim_search_soft
from recbench.ops.dispatch import Case, backend


def double(value: Any) -> Any:
    """Return floating tensors in float64."""
    if isinstance(value, list):
        return [double(tensor) for tensor in value]
    return value.double() if isinstance(value, Tensor) and value.is_floating_point() else value


def is_exact(value: Any) -> bool:
    """Tell whether sums of products are exact in float32: all numbers are small and whole."""
    if isinstance(value, list):
        return all(map(is_exact, value))
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return True
    numbers = value.double().nan_to_num(0, 0, 0)
    return bool((numbers == numbers.round()).all()) and not (numbers.abs() > 1000).any()


def check_soft(case: Case) -> None:
    """Compare the native search with the reference in float64.

    Sums that are exact must give the very same result. Others are summed in another order, so that
    scores closer than rounding may change places: then what was found must have the scores it is
    given, be in order, and score as the best do.
    """
    exact = {name: double(value) for name, value in case.arguments.items()}
    with backend("native"):
        indices, scores = sim_search_soft(**case.arguments)
    with backend("reference"):
        best_indices, best = sim_search_soft(**exact)
    assert indices.dtype == torch.int64
    assert scores.dtype == (torch.float64 if double_keys(case) else torch.float32)
    assert indices.shape == scores.shape == best.shape
    if is_exact(list(case.arguments.values())):
        assert torch.equal(indices, best_indices)
        assert torch.equal(scores.double(), best)
        return
    tolerance = 1e-12 if double_keys(case) else 1e-5
    torch.testing.assert_close(scores.double(), best, rtol=tolerance, atol=10 * tolerance)
    found = indices >= 0
    assert torch.equal(found, best_indices >= 0)
    assert (scores[~found] == -torch.inf).all()
    torch.testing.assert_close(
        scores.double(), true_scores(exact, indices), rtol=tolerance, atol=10 * tolerance
    )
    above, below = scores[..., :-1], scores[..., 1:]
    tied = (above == below) & found[..., 1:]
    assert (above >= below).all()
    assert (indices[..., :-1] < indices[..., 1:])[tied].all()


def true_scores(arguments: dict[str, Any], indices: Tensor) -> Tensor:
    """Return the reference's score of each event found, -inf where there is none."""
    lengths = arguments.get("lengths")
    lengths = arguments["offsets"].diff() if lengths is None else lengths
    longest = max([1, *lengths.tolist()])
    with backend("reference"):
        order, every = sim_search_soft(**arguments | {"k": longest})
    # A place more, the last, takes what stands for no event.
    by_place = every.new_full((*every.shape[:-1], longest + 1), -torch.inf)
    by_place = by_place.scatter(-1, order.where(order >= 0, longest), every)
    return by_place.gather(-1, indices.where(indices >= 0, longest))


def double_keys(case: Case) -> bool:
    keys = case.arguments["keys"]
    stored = keys if isinstance(keys, Tensor) else case.arguments["tables"][0]
    return stored.dtype == torch.float64
