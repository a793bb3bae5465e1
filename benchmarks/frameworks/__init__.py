"""The same few lines in other frameworks, as the chapter on softmax regression shows them."""
