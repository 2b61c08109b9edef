"""Two optimizers that look like one: who gets which weights, and a schedule and a state that reach both."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from training import optimizer as optimizer_module
from training.optimizer import Muon, MuonWithAdamW, orthogonal


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 3))


def one_step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(torch.tensor([0, 1, 2, 3])), torch.tensor([0, 1, 2, 0])).backward()
    optimizer.step()


def weights(model: nn.Module) -> list[torch.Tensor]:
    return [p.detach().clone() for p in model.parameters()]


def test_matrices_inside_the_layers_go_to_muon_and_everything_else_to_adamw(model: nn.Module) -> None:
    muon, adam = MuonWithAdamW(model, 0.01, 0.0)._parts
    assert (type(muon), type(adam)) == (Muon, torch.optim.AdamW)
    named = {id(p): name for name, p in model.named_parameters()}
    inside, others = ({named[id(p)] for group in part.param_groups for p in group["params"]} for part in (muon, adam))
    assert inside == {"1.weight", "3.weight"}
    assert others == {"0.weight", "1.bias", "2.weight", "2.bias", "3.bias"}


def test_a_tied_embedding_stays_with_adamw_and_a_frozen_weight_with_none(tiny_marian: Any) -> None:
    model = tiny_marian()
    model.model.encoder.layers[0].fc1.weight.requires_grad_(False)
    muon, adam = MuonWithAdamW(model, 0.01, 0.0)._parts
    inside, others = ([id(p) for group in part.param_groups for p in group["params"]] for part in (muon, adam))
    trained = [id(p) for p in model.parameters() if p.requires_grad]
    assert sorted(inside + others) == sorted(trained)
    assert id(model.lm_head.weight) in others
    assert id(model.model.encoder.layers[0].fc2.weight) in inside


def test_a_step_moves_every_weight_and_learns(model: nn.Module) -> None:
    optimizer = MuonWithAdamW(model, 0.02, 0.0)
    before = weights(model)
    one_step(model, optimizer)
    assert all(not torch.equal(old, new) for old, new in zip(before, weights(model), strict=True))
    for _ in range(60):
        one_step(model, optimizer)
    assert model(torch.tensor([0, 1, 2, 3])).argmax(dim=1).tolist() == [0, 1, 2, 0]


def test_a_schedule_reaches_both(model: nn.Module) -> None:
    optimizer = MuonWithAdamW(model, 0.02, 0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.0 if step else 0.5)
    assert {group["lr"] for part in optimizer._parts for group in part.param_groups} == {0.01}
    one_step(model, optimizer)
    schedule.step()
    before = weights(model)
    one_step(model, optimizer)
    assert all(torch.equal(old, new) for old, new in zip(before, weights(model), strict=True))


def test_the_closure_s_loss_comes_back(model: nn.Module) -> None:
    optimizer = MuonWithAdamW(model, 0.02, 0.0)
    one_step(model, optimizer)
    assert optimizer.step(lambda: 1.5) == 1.5


def test_the_state_goes_on_where_it_was(model: nn.Module) -> None:
    optimizer = MuonWithAdamW(model, 0.02, 0.01)
    one_step(model, optimizer)
    other = copy.deepcopy(model)
    resumed = MuonWithAdamW(other, 0.02, 0.01)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for _ in range(2):
        one_step(model, optimizer)
        one_step(other, resumed)
    assert all(torch.equal(a, b) for a, b in zip(weights(model), weights(other), strict=True))


def test_a_schedule_reaches_both_after_the_state_came_back(model: nn.Module) -> None:
    optimizer = MuonWithAdamW(model, 0.02, 0.01)
    one_step(model, optimizer)
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for group in optimizer.param_groups:
        group["lr"] = 0.005
    assert {group["lr"] for part in optimizer._parts for group in part.param_groups} == {0.005}


@pytest.mark.parametrize("native", [True, False])
def test_muon_takes_the_steps_of_torch_s_own(monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    """Expected weights: torch.optim.Muon, which computes in bfloat16, 8 bits of mantissa."""
    monkeypatch.setattr(optimizer_module, "computes_bfloat16", lambda _: native)
    torch.manual_seed(3)
    shapes = [(24, 24), (24, 24), (24, 96), (96, 24), (8, 24)]
    ours = [nn.Parameter(torch.randn(shape)) for shape in shapes]
    theirs = [nn.Parameter(p.detach().clone()) for p in ours]
    settings = {"lr": 0.02, "weight_decay": 0.1}
    steppers = (Muon(ours, **settings), torch.optim.Muon(theirs, adjust_lr_fn="match_rms_adamw", **settings))
    for _ in range(3):
        for weight, same in zip(ours, theirs, strict=True):
            weight.grad = torch.randn_like(weight)
            same.grad = weight.grad.clone()
        for stepper in steppers:
            stepper.step()
    moved = 3 * 0.02 * 0.2  # about the size of an element's way
    for weight, same in zip(ours, theirs, strict=True):
        assert (weight - same).abs().mean().item() < 0.02 * moved


def test_orthogonal_rows_and_nothing_else_of_the_matrix() -> None:
    torch.manual_seed(4)
    settings = {"ns_coefficients": (3.4445, -4.7750, 2.0315), "ns_steps": 5, "eps": 1e-7}
    matrices = torch.randn(3, 16, 40)
    found = orthogonal(matrices, settings)
    sizes = torch.linalg.svdvals(found)
    assert (sizes > 0.5).all()
    assert (sizes < 1.5).all()
    alone = torch.cat([orthogonal(matrix[None], settings) for matrix in matrices])
    assert torch.allclose(found, alone, atol=1e-2)  # neighbours do not change it
