"""ONNX Runtime: a model of one node.  It computes forward only, so it enters no gradients."""

import os

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

NODES = {
    "softmax": ("Softmax", ["x"], {"axis": 1}),
    "log_softmax": ("LogSoftmax", ["x"], {"axis": 1}),
    "cross_entropy": ("SoftmaxCrossEntropyLoss", ["x", "target"], {"reduction": "mean"}),
}


def make_session(case):
    node_type, inputs, attributes = NODES[case.operation]
    element = helper.np_dtype_to_tensor_dtype(np.dtype(case.dtype))
    value_infos = {
        "x": helper.make_tensor_value_info("x", element, case.shape),
        "target": helper.make_tensor_value_info("target", TensorProto.INT64, case.shape[:1]),
    }
    shape = () if case.operation == "cross_entropy" else case.shape
    graph = helper.make_graph(
        [helper.make_node(node_type, inputs, ["out"], **attributes)],
        case.operation,
        [value_infos[name] for name in inputs],
        [helper.make_tensor_value_info("out", element, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def contestants(case, data):
    if case.operation not in NODES:
        return {}
    try:
        session = make_session(case)
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        return {}  # some types have no kernel
    feed = {"x": data.x, "target": data.target}
    feed = {name: feed[name] for name in NODES[case.operation][1]}
    if not case.reuse:
        return {"ONNX Runtime": lambda: session.run(None, feed)[0]}

    out = onnxruntime.OrtValue.ortvalue_from_numpy(np.empty_like(data.x))
    binding = session.io_binding()
    for name, array in feed.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
    binding.bind_ortvalue_output("out", out)

    def run_bound():
        session.run_with_iobinding(binding)
        return out

    return {"ONNX Runtime": run_bound}
