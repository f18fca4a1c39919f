"""The tiny model itself: a Llama of 1.8 million parameters, under the names that Hugging Face gives its tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Shape:
    """Sizes. Every row is a multiple of 32, so that q8_0 needs no fallback."""

    vocabulary: int = 1_280
    width: int = 192
    layers: int = 4
    heads: int = 6
    kv_heads: int = 2
    hidden: int = 512
    rope_base: float = 10_000.0
    norm_eps: float = 1e-5
    context: int = 4_096  # what is served; training reaches 512

    @property
    def head(self) -> int:
        return self.width // self.heads


class Block(nn.Module):
    """Attention and feed-forward, each behind a norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        wide, narrow = shape.heads * shape.head, shape.kv_heads * shape.head
        self.shape = shape
        self.input_layernorm = nn.RMSNorm(shape.width, shape.norm_eps)
        self.q_proj = nn.Linear(shape.width, wide, bias=False)
        self.k_proj = nn.Linear(shape.width, narrow, bias=False)
        self.v_proj = nn.Linear(shape.width, narrow, bias=False)
        self.o_proj = nn.Linear(wide, shape.width, bias=False)
        self.post_attention_layernorm = nn.RMSNorm(shape.width, shape.norm_eps)
        self.gate_proj = nn.Linear(shape.width, shape.hidden, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.hidden, bias=False)
        self.down_proj = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """One layer over (batch, length, width)."""
        batch, length, _ = x.shape
        normed = self.input_layernorm(x)
        query, key, value = (projection(normed).view(batch, length, -1, self.shape.head).transpose(1, 2)
                             for projection in (self.q_proj, self.k_proj, self.v_proj))
        query, key = turn(query, cos, sin), turn(key, cos, sin)
        repeat = self.shape.heads // self.shape.kv_heads
        key, value = key.repeat_interleave(repeat, 1), value.repeat_interleave(repeat, 1)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.o_proj(mixed.transpose(1, 2).reshape(batch, length, -1))
        normed = self.post_attention_layernorm(x)
        return x + self.down_proj(functional.silu(self.gate_proj(normed)) * self.up_proj(normed))


def turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions, halves rotated as Hugging Face does."""
    left, right = x.chunk(2, -1)
    return torch.cat((left * cos - right * sin, right * cos + left * sin), -1).to(x.dtype)


class Tiny(nn.Module):
    """The whole model; the output layer is the embedding."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, shape.norm_eps)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                deep = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(weight, std=0.003 if deep else 0.05)

    def forward(self, tokens: Tensor) -> Tensor:
        """Hidden states after the last norm, (batch, length, width)."""
        spots = torch.arange(tokens.shape[1], dtype=torch.float32)
        rates = self.shape.rope_base ** (-torch.arange(0, self.shape.head, 2, dtype=torch.float32) / self.shape.head)
        angles = torch.outer(spots, rates)
        cos, sin = angles.cos(), angles.sin()
        x = self.embed_tokens(tokens)
        for layer in self.layers:
            x = layer(x, cos, sin)
        return self.norm(x)

    def scores(self, hidden: Tensor) -> Tensor:
        """Logits of the hidden states."""
        return functional.linear(hidden, self.embed_tokens.weight)
