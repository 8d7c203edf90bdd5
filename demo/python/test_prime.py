def test_prime(number):
    # Divide by every possible factor, smallest first
    factors, rest, divisor = [], number, 2
    while divisor * divisor <= rest:
        while rest % divisor == 0:
            factors.append(divisor)
            rest //= divisor
        divisor += 1
    factors += [rest] if rest > 1 else []
    print("Factors:", " * ".join(map(str, factors)))
    print(f"Answer: {number} is{'' if factors == [number] else ' not'} a prime number.")
