import pytest

from recbench.errors import UsageError
from recbench.training import TrainingConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("evaluation_batch_size", 0),
        ("patience", -1),
        ("warmup_steps", -1),
        ("decay", -0.5),
        ("weight_decay", -0.1),
        ("momentum", -0.1),
        ("gradient_clip", -1.0),
        ("learning_rate", 0.0),
    ],
)
def test_a_value_that_no_training_can_use_is_refused_by_name(name, value):
    with pytest.raises(UsageError, match=rf"training\.{name} is {value}; "):
        TrainingConfig(**{name: value})
