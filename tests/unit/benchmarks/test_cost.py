"""What operations are for."""

import pytest

from benchmarks.bench_cost import kind_of


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("aten::convolution_backward", "convolutions"),
        ("aten::mkldnn_convolution", "convolutions"),
        ("aten::native_batch_norm_backward", "batch normalisation"),
        ("autograd::engine::evaluate_function: ReluBackward0", "ReLU and pooling"),
        ("aten::clamp_min_", "ReLU and pooling"),
        ("aten::_fused_adam_", "optimiser"),
        ("aten::_to_copy", "copies and layout"),
        ("aten::sigmoid", "other"),
    ],
)
def test_operations_have_a_kind(operation: str, kind: str) -> None:
    assert kind_of(operation) == kind
