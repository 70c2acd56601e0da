"""European options after Black and Scholes: prices and their sensitivities."""

import numpy as np

import symgrad as sg


def call(S, K, T, r, sigma):
    """Price of a call on S with strike K and T years to go, at interest rate r and volatility sigma."""
    spread = sigma * np.sqrt(T)
    d1 = (np.log(S / K) + (r + sigma**2 / 2) * T) / spread
    d2 = d1 - spread
    return S * sg.norm_cdf(d1) - K * np.exp(-r * T) * sg.norm_cdf(d2)


def put(S, K, T, r, sigma):
    """Price of a put, by the parity of puts and calls."""
    return call(S, K, T, r, sigma) - S + K * np.exp(-r * T)


market = {"S": "...", "K": "...", "T": "...", "r": "...", "sigma": "..."}
price = sg.trace(call, **market)
delta = sg.grad(price, wrt="S")

options = sg.Module(
    "options",
    {
        "call": price,
        "put": sg.trace(put, **market),
        # delta, the loss of value a year with its sign changed, rho, vega: one derivative an argument.
        "call_greeks": sg.value_and_grad(price, wrt=("S", "T", "r", "sigma")),
        "delta": delta,
        "gamma": sg.grad(delta, wrt="S"),
        "vanna": sg.grad(delta, wrt="sigma"),
        # What Newton's method for the implied volatility asks for at every step.
        "vega": sg.value_and_grad(price, wrt="sigma"),
    },
    doc="""
    European options after Black and Scholes, at every point of the arguments' common shape.

        d1   = [ln(S / K) + (r + sigma^2 / 2) T] / (sigma sqrt(T))
        d2   = d1 - sigma sqrt(T)
        call = S Phi(d1) - K exp(-r T) Phi(d2)

    F. Black and M. Scholes, The Pricing of Options and Corporate Liabilities, Journal of Political Economy
    81, 1973. Greeks are partial derivatives: delta by S, gamma by S twice, vega by sigma, rho by r, theta
    minus that by T, vanna by S and sigma.
    """,
)
