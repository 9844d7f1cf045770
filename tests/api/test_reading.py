"""What a program sends is taken as the JSON that it is: nothing is made of it that it did not say."""

from typing import Any

import pytest
from rest_framework import serializers

from partnerhub.api.reading import checked
from partnerhub.errors import InvalidInput


class Inner(serializers.Serializer[Any]):
    name = serializers.CharField(required=False, allow_null=True)


class Body(serializers.Serializer[Any]):
    text = serializers.CharField(required=False)
    number = serializers.IntegerField(required=False)
    flag = serializers.BooleanField(required=False)
    day = serializers.DateField(required=False)
    id = serializers.UUIDField(required=False)
    listed = serializers.ListField(child=serializers.CharField(), required=False)
    inner = Inner(required=False)
    inners = Inner(many=True, required=False)


@pytest.mark.parametrize(
    ("body", "field", "problem"),
    [
        ({"text": 0}, "text", "text is expected"),
        ({"text": True}, "text", "text is expected"),
        ({"number": "12"}, "number", "a whole number is expected"),
        ({"number": 1.5}, "number", "a whole number is expected"),
        ({"number": True}, "number", "a whole number is expected"),
        ({"flag": "true"}, "flag", "true or false is expected"),
        ({"flag": 1}, "flag", "true or false is expected"),
        ({"day": 20261123}, "day", "text is expected"),
        ({"id": 7}, "id", "text is expected"),
        ({"listed": ["1", 0]}, "listed[1]", "text is expected"),
        ({"inner": {"name": 1}}, "inner.name", "text is expected"),
        ({"inners": [{"name": "a"}, {"name": 1}]}, "inners[1].name", "text is expected"),
    ],
)
def test_a_value_of_another_type_is_refused_and_never_converted(body, field, problem):
    with pytest.raises(InvalidInput) as refused:
        checked(Body(data=body))
    assert refused.value.values == {"field": field, "problem": problem}


@pytest.mark.parametrize("body", [{"number": 12.0}, {"inner": {"name": None}}, {"listed": []}, {"unknown": 1}])
def test_what_json_takes_for_the_same_passes(body):
    checked(Body(data=body))
