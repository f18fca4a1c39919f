"""How the weights begin: at random, and with the beginnings of copying laid in.

What takes a small model longest is to find out that "the token after the one that looked like this one" is worth a
look (Olsson et al. 2022, "In-context Learning and Induction Heads"). Two heads that work together do it: one that looks
at the token before, and one in the next layer that looks for where the token before was the present one. Here they are
written down roughly instead of waited for; training makes them good.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .network import Shape, Tiny

TURNS = 3  # fastest rotary pairs, by which the token before is told from others
LOOK, WRITE, MATCH, COPY = 0.9, 0.17, 2.2, 0.3  # strengths, so that each part is about as large as an embedding
SLOW = 7  # rotary pairs from here on hardly turn within a window: what is matched by content lies in them


def begin_weights(model: Tiny) -> None:
    """Overwrite the first heads of layers 0 and 1, and give every embedding one common part to hold on to."""
    shape = model.shape
    with torch.no_grad():
        common = torch.nn.functional.normalize(torch.randn(shape.width), dim=0)
        size = model.embed_tokens.weight.norm(dim=1).mean()
        model.embed_tokens.weight -= torch.outer(model.embed_tokens.weight @ common, common)
        model.embed_tokens.weight += size * common
        seen = _directions(shape.head, shape.width, common)
        places = _directions(shape.head, shape.width, common)
        _lay_previous(model, common, seen, places)
        for group in range(shape.kv_heads):
            _lay_match(model, group, seen, places, _directions(shape.head, shape.width, common))


def _directions(count: int, width: int, apart: Tensor) -> Tensor:
    """`count` orthonormal rows, all orthogonal to `apart`."""
    drawn = torch.randn(width, count)
    drawn -= torch.outer(apart, apart @ drawn)
    return torch.linalg.qr(drawn).Q.T.contiguous()


def _rates(shape: Shape) -> Tensor:
    return shape.rope_base ** (-torch.arange(0, shape.head, 2, dtype=torch.float32) / shape.head)


def _lay_previous(model: Tiny, common: Tensor, seen: Tensor, places: Tensor) -> None:
    """Layer 0, head 0: look at the token before, write what it was into `places`."""
    shape, layer = model.shape, model.layers[0]
    half, rates = shape.head // 2, _rates(shape)
    key, query = torch.zeros(shape.head), torch.zeros(shape.head)
    for pair in range(TURNS):
        key[pair] = query[pair] = LOOK / TURNS**0.5
        query[pair] *= torch.cos(rates[pair])
        query[pair + half] = -LOOK / TURNS**0.5 * torch.sin(rates[pair])
    layer.k_proj.weight[: shape.head] = torch.outer(key, common)
    layer.q_proj.weight[: shape.head] = torch.outer(query, common)
    layer.v_proj.weight[: shape.head] = seen
    layer.o_proj.weight[:, : shape.head] = WRITE * places.T


def _lay_match(model: Tiny, group: int, seen: Tensor, places: Tensor, copied: Tensor) -> None:
    """Layer 1, the first head of a group: look where the token before was the present one, say what is there."""
    shape, layer = model.shape, model.layers[1]
    half = shape.head // 2
    slow = [pair for pair in range(shape.head) if pair % half >= SLOW]
    keys = slice(group * shape.head, (group + 1) * shape.head)
    first = group * shape.heads // shape.kv_heads * shape.head
    queries = slice(first, first + shape.head)
    for projection, rows, source in ((layer.k_proj, keys, places), (layer.q_proj, queries, seen)):
        laid = torch.zeros(shape.head, shape.width)
        laid[slow] = MATCH * source[slow]
        projection.weight[rows] = laid
    layer.v_proj.weight[keys] = copied
    layer.o_proj.weight[:, queries] = COPY * copied.T
