def evaluate(math, shown):
    if any(name in math for name in ("sin", "cos", "tan")):
        shown += " (in radians)"
    try:
        result = read(math)
        if isinstance(result, float) and 0 < abs(result) < 1e-12:
            print(f"Result: {shown} = about 0")
        elif isinstance(result, float) and abs(result) >= 1e15:
            print(f"Answer: I cannot show the value of {shown} exactly")
        elif result == int(result):
            print(f"Result: {shown} =", int(result))
        else:
            print(f"Result: {shown} = {float(result):.12g}")
    except (ArithmeticError, TypeError, ValueError) as error:
        print(f"Answer: I cannot show a value of {shown} ({type(error).__name__})")
