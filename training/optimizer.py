"""The optimizer of short trainings from scratch: Muon for the matrices, AdamW for the rest.

On the demo's data a Marian model reaches the loss of AdamW in about half the steps; compare for yourself:
`dvc exp run report -S configs/params.yaml:train_translation.optimizer.name=adamw`.

Source: Jordan et al. 2024, Muon, https://kellerjordan.github.io/posts/muon/; Liu et al. 2025 for the scale that lets both share a
learning rate, https://arxiv.org/abs/2502.16982

N matrices of one shape, R rows, C columns, R <= C.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch

ADAM_BETAS = (0.9, 0.98)  # Vaswani et al. 2017, 5.3
RMS_OF_ADAMW = 0.2  # Liu et al. 2025, 2.2: the update's size that suits AdamW's learning rate


class Muon(torch.optim.Muon):
    """torch's Muon with all matrices of one shape in one multiplication, in a type that the processor computes in.

    torch's own goes matrix by matrix, always in bfloat16, which processors without such instructions emulate. The momentum is always
    Nesterov's, and the size of an update always AdamW's. The same seed gives the same weights on one kind of processor only.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """One step."""
        loss = closure() if closure is not None else None
        for group in self.param_groups:
            alike: defaultdict[tuple[int, ...], list[tuple[torch.Tensor, torch.Tensor]]] = defaultdict(list)
            for weight, gradient in ((p, p.grad) for p in group["params"] if p.grad is not None):
                wide = [m.T if m.shape[0] > m.shape[1] else m for m in (weight, self._towards(weight, gradient, group))]
                alike[wide[0].shape].append((wide[0], wide[1]))
            for (_, columns), found in alike.items():
                updates = orthogonal(torch.stack([towards for _, towards in found]), group)  # (N, R, C)
                for (weight, _), update in zip(found, updates, strict=True):
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    weight.add_(update, alpha=-group["lr"] * RMS_OF_ADAMW * columns**0.5)
        return loss

    def _towards(self, weight: torch.Tensor, gradient: torch.Tensor, group: dict[str, Any]) -> torch.Tensor:
        """The gradient with its momentum (Nesterov's)."""
        state = self.state[weight]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        momentum: torch.Tensor = state["momentum_buffer"].lerp_(gradient, 1 - group["momentum"])
        return gradient.lerp(momentum, group["momentum"])


def orthogonal(matrices: torch.Tensor, settings: dict[str, Any]) -> torch.Tensor:
    """The nearest matrices with orthogonal rows, nearly: singular values that are not next to nothing end between 0.5 and 1.5.

    Args:
        matrices: (N, R, C).
        settings: `ns_coefficients`, `ns_steps` and `eps` of the Newton-Schulz iteration.

    Source: Jordan et al. 2024
    """
    a, b, c = settings["ns_coefficients"]
    found = matrices.bfloat16() if computes_bfloat16(matrices.device) else matrices
    found = found / found.norm(dim=(1, 2), keepdim=True).clamp(min=settings["eps"])
    for _ in range(settings["ns_steps"]):
        gram = found @ found.mT  # (N, R, R)
        found = torch.baddbmm(found, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), found, beta=a)
    return found.to(matrices.dtype)


def computes_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for it; processors that emulate it are many times slower than in float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


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
        muon = Muon(matrices, lr=learning_rate, weight_decay=weight_decay)
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
