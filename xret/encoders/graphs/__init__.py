"""The ONNX graph of an encoder: its nodes and weights, layers in int8, heads, and what PyTorch exports."""
