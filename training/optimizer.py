"""The optimizer of short trainings from scratch: Muon for the matrices, AdamW for the rest.

On the demo's data a Marian model reaches the loss of AdamW in about half the steps; compare for yourself:
`dvc exp run report -S configs/params.yaml:train_translation.optimizer.name=adamw`.

Source: Jordan et al. 2024, Muon, https://kellerjordan.github.io/posts/muon/; Liu et al. 2025 for the scale that lets both share a
learning rate, https://arxiv.org/abs/2502.16982
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

ADAM_BETAS = (0.9, 0.98)  # Vaswani et al. 2017, 5.3


class MuonWithAdamW(torch.optim.Optimizer):
    """Two optimizers that look like one to a trainer and its schedule.

    Args:
        model: the matrices inside its layers go to Muon; embeddings, norms and biases to AdamW.
        learning_rate: peak, of both.
        weight_decay: of both.
    """

    def __init__(self, model: torch.nn.Module, learning_rate: float, weight_decay: float) -> None:
        embeddings = {id(p) for module in model.modules() if isinstance(module, torch.nn.Embedding) for p in module.parameters()}
        trained = [p for p in model.parameters() if p.requires_grad]
        matrices = [p for p in trained if p.ndim == 2 and id(p) not in embeddings]
        inside = {id(p) for p in matrices}
        others = [p for p in trained if id(p) not in inside]
        muon = torch.optim.Muon(matrices, lr=learning_rate, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
        adam = torch.optim.AdamW(others, lr=learning_rate, betas=ADAM_BETAS, weight_decay=weight_decay)
        self._parts = (muon, adam)
        super().__init__([group for part in self._parts for group in part.param_groups], {"lr": learning_rate})
        self.param_groups = [group for part in self._parts for group in part.param_groups]  # the same objects: a schedule reaches both

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """One step of both."""
        loss = closure() if closure is not None else None
        for part in self._parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The state of both."""
        return {"parts": [part.state_dict() for part in self._parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the state of both back."""
        for part, state in zip(self._parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self._parts for group in part.param_groups]  # loading made new objects
