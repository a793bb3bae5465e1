"""Attention against the suites of others: the cases of ONNX, and PyTorch where it is installed."""

import numpy as np
import pytest
from attention_cases import random_case
from test_conformance import attributes_of, onnx_cases

from smnn import attention

# Cases that ask for something else than attention computes, by the reason.
SKIPPED = {
    "bfloat16 is no type of NumPy's": {
        "4d_causal_bf16", "4d_padded_kv_bf16", "4d_causal_padded_kv_bf16",
        "4d_attn_mask_causal_bf16", "3d_causal_bf16",
    },
    "numbers are added to the capped scores": {
        "4d_with_qk_matmul_softcap", "3d_with_past_and_present_qk_matmul_softcap",
    },
}  # fmt: skip
APPLIED = 86


def in_heads(x, heads):
    """(batch, rows, heads · d) as (batch, heads, rows, d)."""
    if x.ndim == 4:
        return x
    batch, rows, width = x.shape
    return np.moveaxis(x.reshape(batch, rows, heads, width // heads), 1, 2)


def asked_of(case, inputs):
    """What a case asks for, in the words of smnn: (q, k, v), options."""
    given = attributes_of(case)
    names = dict(zip(case.model.graph.node[0].input, inputs_in_place(case, inputs), strict=False))
    q = in_heads(names["Q"], given.get("q_num_heads"))
    k, v = (in_heads(names[name], given.get("kv_num_heads")) for name in "KV")
    if "past_key" in names:
        k = np.concatenate([names["past_key"], k], axis=2)
        v = np.concatenate([names["past_value"], v], axis=2)
    n, m = q.shape[2], k.shape[2]
    group = q.shape[1] // k.shape[1]
    k, v = (np.repeat(x, group, axis=1) for x in (k, v))

    row, column, may = np.arange(n)[:, None], np.arange(m), np.ones((n, m), bool)
    offset = np.zeros((1, 1, 1, 1), int)  # of the first query among the keys
    if "past_key" in names:
        offset = offset + names["past_key"].shape[2]
    if "nonpad_kv_seqlen" in names:
        lengths = names["nonpad_kv_seqlen"].reshape(-1, 1, 1, 1)
        may, offset = may & (column < lengths), lengths - n
    options = {}
    left, right = (given.get(f"{side}_window_size", -1) for side in ("left", "right"))
    if given.get("is_causal") and not offset.any():
        options["causal"] = True
    elif given.get("is_causal"):
        may = may & (column <= row + offset)
    if left >= 0:
        may = may & (column >= row + offset - left)
    if right >= 0:
        may = may & (column <= row + offset + right)
    scale = given.get("scale", q.shape[-1] ** -0.5)
    mask = names.get("attn_mask")
    if mask is not None and mask.shape[-1] < m:  # what it does not name is masked
        fill = False if mask.dtype == bool else -np.inf
        padding = [(0, 0)] * (mask.ndim - 1) + [(0, m - mask.shape[-1])]
        mask = np.pad(mask, padding, constant_values=fill)
    if mask is not None and mask.dtype == bool:
        may = may & mask
    elif mask is not None:
        may = may & (mask > -np.inf)
        q, k, scale = with_added(q, k, np.where(mask > -np.inf, mask, 0), scale)
    if not may.all():
        options["mask"] = may
    return (q, k, v), options | {"scale": scale, "softcap": given.get("softcap") or None}


def with_added(q, k, numbers, scale):
    """Queries and keys whose scores have numbers added: a feature more for each query.

    In it the query has 1 and a key has what is added to its score.
    """
    n, m = q.shape[2], k.shape[2]
    numbers = np.broadcast_to(numbers, (*q.shape[:2], n, m)).astype(k.dtype)
    ones = np.broadcast_to(np.eye(n, dtype=q.dtype), (*q.shape[:2], n, n))
    q = np.concatenate([q * q.dtype.type(scale), ones], axis=-1)
    return q, np.concatenate([k, np.swapaxes(numbers, -1, -2)], axis=-1), 1.0


def inputs_in_place(case, inputs):
    """The inputs, and None for those that the node leaves out."""
    found = iter(inputs)
    return [next(found) if name else None for name in case.model.graph.node[0].input]


def test_onnx():
    skipped, applied = set().union(*SKIPPED.values()), []
    for case in onnx_cases()["Attention"]:
        name = case.name.removeprefix("test_attention_")
        if name in skipped:
            continue
        for inputs, outputs in case.data_sets:
            arrays, options = asked_of(case, inputs)
            found, expected = attention(*arrays, **options)[0], outputs[0]
            if expected.ndim == 3:
                found = np.moveaxis(found, 1, 2).reshape(expected.shape)
            close = 4e-3 if expected.dtype == np.float16 else 2e-5
            assert found.dtype == expected.dtype, name
            np.testing.assert_allclose(found, expected, close, close, err_msg=name)
        applied.append(name)
    assert len(applied) >= APPLIED
    assert skipped.isdisjoint(applied)


@pytest.mark.peers
def test_it_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    for seed in range(200):
        for dtype in (np.float32, np.float64):
            compare(torch, seed, dtype)


def compare(torch, seed, dtype):
    """The output and the gradients; what PyTorch has not, softcap and sink, is left out."""
    (q, k, v, dout), options = random_case(seed, dtype)
    causal, mask = options["causal"], options.get("mask")
    options = {"scale": options.get("scale")}
    leaves = [torch.from_numpy(x).requires_grad_() for x in (q, k, v)]
    given = None if mask is None else torch.from_numpy(mask)
    if mask is not None and causal:  # PyTorch takes one of both
        given, causal = given & torch.ones(mask.shape[-2:], dtype=torch.bool).tril(), False
        mask = given.numpy()
    expected = torch.nn.functional.scaled_dot_product_attention(
        *leaves, attn_mask=given, is_causal=causal, **options
    )
    wanted = torch.autograd.grad(expected, leaves, torch.from_numpy(dout))
    out, backward = attention(q, k, v, mask=mask, causal=causal, **options)
    results = [out, *backward(dout)], [expected.detach(), *wanted]
    size = max(float(x.abs().max()) for x in results[1])
    close = (1e-4, 1e-5 * size) if dtype == np.float32 else (1e-9, 1e-12 * size)
    for found, other in zip(*results, strict=True):
        np.testing.assert_allclose(found, other.numpy(), *close, err_msg=f"seed {seed}")
