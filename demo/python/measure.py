import math
import statistics

MEASURES = {
    "mean": statistics.mean,
    "average": statistics.mean,
    "median": statistics.median,
    "mode": statistics.mode,
    "standard deviation": statistics.stdev,
    "variance": statistics.variance,
    "sum": sum,
    "product": math.prod,
    "maximum": max,
    "minimum": min,
    "greatest common divisor": lambda numbers: math.gcd(*numbers),
    "least common multiple": lambda numbers: math.lcm(*numbers),
}


def measure(names, numbers):
    print("How many numbers:", len(numbers))
    shown = []
    for name in names:
        result = round(MEASURES[name](numbers), 10)
        shown.append(f"the {name} is {int(result) if result == int(result) else result}")
    print("Answer:", " and ".join(shown) + ".")
