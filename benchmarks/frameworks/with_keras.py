"""Softmax regression in Keras: 64 inputs, ten classes, 200 steps over all examples."""

import keras


def train(x, y, x_new):
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(10, kernel_initializer="zeros"),  # scores: no softmax here
        ]
    )
    model.compile(
        optimizer=keras.optimizers.SGD(0.5),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),  # it is in here
    )
    history = model.fit(x, y, batch_size=len(x), epochs=200, verbose=0)
    return history.history["loss"], keras.ops.convert_to_numpy(keras.ops.softmax(model(x_new)))
