"""Softmax regression in PyTorch: 64 inputs, ten classes, 200 steps over all examples."""

import torch
from torch import nn


def train(x, y, x_new):
    x, y, x_new = (torch.tensor(array) for array in (x, y, x_new))
    model = nn.Linear(64, 10, dtype=x.dtype)  # scores: no softmax here
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    losses = []
    for _ in range(200):
        loss = nn.functional.cross_entropy(model(x), y)  # it is in here
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, torch.softmax(model(x_new), dim=1).detach().numpy()
