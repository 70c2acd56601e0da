"""Bessel functions of orders 0 and 1.

i0 and i1: quotients of polynomials in x^2 up to 4, beyond exp(x) / sqrt(x) times a quotient in 1/x (DLMF
10.40.1). j0 and j1: near 0 the first term and the rest, up to 7 or 8 with the nearest zero as a factor,
beyond by the expansion for large x (DLMF 10.17.3). The coefficients are our own: least maximal error, by
reweighted least squares at Chebyshev points in 50 digits; before rounding their error is below 0.25 ulp.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.kernels.real import _in_double, _in_parts, _polynomial, _ratio

# i0(x) and i1(x) / x in x^2, for |x| < 4.
_I0_P = (
    8.473944774037012e-14, 6.084763553551495e-11, 1.919694763203073e-08, 3.234180395012565e-06,
    0.00029403352252069216, 0.01326119447157582, 0.2403774734158616, 1.0,
)  # fmt: skip
_I0_Q = (
    1.0880515086685036e-10, -9.880678256019908e-08, 4.182611761044188e-05, -0.009622526584138405, 1.0,
)  # fmt: skip
_I1_P = (
    4.43332176699202e-15, 3.710704182875609e-12, 1.3943125363583403e-09, 2.882503435841032e-07,
    3.357086848096447e-05, 0.0020743135593531466, 0.05812380708261847, 0.5,
)  # fmt: skip
_I1_Q = (
    7.091926658595424e-11, -7.261643291971916e-08, 3.434201471834425e-05, -0.008752385834763062, 1.0,
)  # fmt: skip

# sqrt(x) exp(-x) i0(x) - 3/8 and the same of i1, in 1/x - 1/8, for x from 4 to 8.
_I0_NEAR_P = (
    438.48661991184986, 302.529465139574, 161.0269794999511, 54.86588059704815, 14.671290000357256,
    2.9294303047365613, 0.3275131662765999, 0.03068634235459386,
)  # fmt: skip
_I0_NEAR_Q = (
    4220.485171603633, 2016.4150938206606, 2445.4769615273763, 1030.8357196938719, 313.7664277127674,
    77.15182335284813, 8.756914882374216, 1.0,
)  # fmt: skip
_I1_NEAR_P = (
    -559.0088548268774, -316.56378961199954, -182.3082124961498, -39.464396413445236, -11.569737317773663,
    -0.9540692397267881, -0.1315042592305152, 0.0044122666101514135,
)  # fmt: skip
_I1_NEAR_Q = (
    1082.2798368553501, 2313.0864323493533, 1266.1466118827825, 972.0131641772296, 227.23542149545037,
    72.75103096024291, 7.340336574119509, 1.0,
)  # fmt: skip

# The same in 1/x - 1/16, for x from 8 to 16.
_I0_MIDDLE_P = (
    -505.01704949968916, -50.139252071567014, 318.49897744624144, 54.793923163218956, -24.686795157023067,
    5.478408199741996, -0.3955037292269399, 0.027176509445008084,
)  # fmt: skip
_I0_MIDDLE_Q = (
    -14602.35454729635, 4378.637946762521, 4412.141420647477, -1349.8673746758134, 233.0109553426651,
    -16.53165068437807, 1.0,
)  # fmt: skip
_I1_MIDDLE_P = (
    860.9730428257208, 22.62002693991446, -895.399806419158, 318.18194429238196, -60.33379837161802,
    6.205831897873883, -0.40475604050805153, 0.01439845902587232,
)  # fmt: skip
_I1_MIDDLE_Q = (
    -6265.2804566634095, -2421.666612157682, 5994.3143554470535, -1569.5069847084142, 247.7247260735848,
    -17.277043673169132, 1.0,
)  # fmt: skip

# The same in 1/x, for x from 16.
_I0_FAR_P = (
    -0.03737158124103644, 3.1929637759710325, -4.453019456605442, -0.49415890192326967, 1.505285710474961,
    -0.3723472514986927, 0.02394228040143268,
)  # fmt: skip
_I0_FAR_Q = (
    -23.94196514821494, 147.84958236441574, -206.21260367802446, 98.43000283370002, -17.634704358554057,
    1.0,
)  # fmt: skip
_I1_FAR_P = (
    1.123763257118878, -16.121245716775668, 30.363358461076103, -18.83884451229106, 4.941377383540156,
    -0.5714437531673546, 0.023942280401432675,
)  # fmt: skip
_I1_FAR_Q = (
    -23.87626925346061, 147.3724769023246, -205.64283404853964, 98.24705009624543, -17.619056787572273, 1.0,
)  # fmt: skip

_I0_PARTS = ((_I0_NEAR_P, _I0_NEAR_Q), (_I0_MIDDLE_P, _I0_MIDDLE_Q), (_I0_FAR_P, _I0_FAR_Q))
_I1_PARTS = ((_I1_NEAR_P, _I1_NEAR_Q), (_I1_MIDDLE_P, _I1_MIDDLE_Q), (_I1_FAR_P, _I1_FAR_Q))

# The first two zeros a and b of j0 and of j1, each in two parts.
_J0_ZEROS = (2.404825557695773, -1.176691651530894e-16, 5.520078110286311, 8.088597146146722e-17)
_J1_ZEROS = (3.8317059702075125, -1.5269184090088067e-16, 7.015586669815619, -9.414165653410389e-17)

# j0(x) - 1 below 5/4 and j1(x) / x - 1/2 below 2, over x^2, in x^2.
_J0_LOW_P = (
    -1.0326653816215208e-08, 2.584680146175223e-06, -0.0002696250222975349, 0.012824180014570509,
    -0.24999999999999983,
)  # fmt: skip
_J0_LOW_Q = (
    4.2593974491897824e-05, 0.011203279941707578, 1.0,
)  # fmt: skip
_J1_LOW_P = (
    -4.621717113829197e-10, 1.7349552636954897e-07, -2.6465206966320904e-05, 0.0018408096690910437,
    -0.06250000000000001,
)  # fmt: skip
_J1_LOW_Q = (
    1.5143638211767934e-07, 6.429242094957546e-05, 0.012213711961212377, 1.0,
)  # fmt: skip

# j0(x) / (x - a) in x - 21/8 up to 4 and j1(x) / (x - a) in x - 7/2 up to 5.
_J0_NEAR_P = (
    -7.557147597858606e-15, 8.599048912613884e-14, 1.9477563992773944e-12, -2.0181787747446324e-11,
    -3.770006864772385e-10, 3.483809665694019e-09, 5.332562671186653e-08, -4.3306195472888724e-07,
    -5.189935876498019e-06, 3.63641732320663e-05, 0.0003174250652073967, -0.0018730623598036131,
    -0.010452972526825775, 0.05027468558257623, 0.13151370278589422, -0.49273570281185347,
)  # fmt: skip
_J1_NEAR_P = (
    -2.458869437836878e-15, 1.3857660963854791e-13, 6.208566649284239e-13, -3.202983921863019e-11,
    -1.1584007210974322e-10, 5.382559428276499e-09, 1.5580310124515687e-08, -6.450582271830637e-07,
    -1.4098310562364175e-06, 5.140835134456335e-05, 7.689638029002396e-05, -0.0024431681050832207,
    -0.002059458494369082, 0.05703550414919734, 0.015748708443821785, -0.4141545214769123,
)  # fmt: skip

# j0(x) / (x - b) in x - 11/2 up to 7 and j1(x) / (x - b) in x - 13/2 up to 8.
_J0_MIDDLE_P = (
    4.069985996383681e-16, 5.268571477747543e-15, -1.2250278585857718e-13, -1.3457053011309054e-12,
    2.780824057027059e-11, 2.5256215754907337e-10, -4.739913678871661e-09, -3.4169322336513845e-08,
    5.779092162562687e-07, 3.1074607851316703e-06, -4.696433416847011e-05, -0.00016955456671051235,
    0.0022747450099408675, 0.004449042932268964, -0.05326202626813891, -0.028687303894851135,
    0.3408622285776256,
)  # fmt: skip
_J1_MIDDLE_P = (
    -2.13867374065145e-18, 4.921910694771237e-16, 6.53080337586787e-16, -1.4509220048489563e-13,
    -1.302072057247034e-13, 3.2284720149003826e-11, 1.6585850660801517e-11, -5.36575404380762e-09,
    -8.072394129495681e-10, 6.329695892492924e-07, -1.14558409829229e-07, -4.92012747350001e-05,
    2.2534588972380464e-05, 0.00224112506164471, -0.0014177205859508377, -0.04833112679918981,
    0.028353274403168434, 0.2983810684341155,
)  # fmt: skip

# Factors of cos, less 1 and times x^2, and of sin / x in the asymptotic form, in 1 / x^2.
_J0_COS_P = (
    -109279.16404187004, -72832.53674756363, -11260.31247196137, -595.1844731069868,
    -11.626745245594066, -0.0703125,
)  # fmt: skip
_J0_COS_Q = (
    879534.7520855148, 2681870.200770793, 1253278.3396439569, 172787.32263729625, 8723.002657552355,
    166.9532066872998, 1.0,
)  # fmt: skip
_J0_SIN_P = (
    -252530.24151197248, -734116.9883688262, -282242.2486210934, -32561.32395906002, -1408.3054357914248,
    -23.541129214149436, -0.125,
)  # fmt: skip
_J0_SIN_Q = (
    3876420.855081734, 6916863.949753078, 2396030.283701007, 266826.40664901765, 11375.318988263143,
    188.91497121319546, 1.0,
)  # fmt: skip
_J1_COS_P = (
    253903.2911968953, 159069.2899598698, 23077.649592364207, 1140.951676301891, 20.795500606247515,
    0.1171875,
)  # fmt: skip
_J1_COS_Q = (
    897215.247253737, 3318251.439582801, 1565584.9976303242, 208199.79056129657, 9950.214190747203,
    178.68540725664593, 1.0,
)  # fmt: skip
_J1_SIN_P = (
    1285735.2208709177, 3101105.907650607, 1109233.7811799713, 119913.35659341686, 4851.427986186051,
    75.7123048364595, 0.375,
)  # fmt: skip
_J1_SIN_Q = (
    4665339.2089565005, 8917007.503916597, 3037711.080394402, 323177.0310791507, 12991.682749648387,
    202.172917063892, 1.0,
)  # fmt: skip


def _i_far(x: Any, near: Any, middle: Any, far: Any) -> Any:
    """i0 or i1 from 4 on; two halves of exp(x), which overflow only where the result does."""
    scaled = _in_parts(
        x,
        (8.0, 16.0),
        lambda x: 0.375 + _ratio(1 / x - 0.125, *near),
        lambda x: 0.375 + _ratio(1 / x - 0.0625, *middle),
        lambda x: 0.375 + _ratio(1 / x, *far),
    )
    half = np.exp(0.5 * x)
    scaled /= np.sqrt(x)
    return np.where(x < 700, np.exp(x) * scaled, half * scaled * half)


def _i0(x: Any) -> Any:
    """Modified Bessel function of the first kind of order 0."""
    return _in_double(
        lambda x: _in_parts(
            np.minimum(np.abs(x), 1e3),
            (4.0,),
            lambda x: _ratio(x * x, _I0_P, _I0_Q),
            lambda x: _i_far(x, *_I0_PARTS),
        ),
        x,
    )


def _i1(x: Any) -> Any:
    """Modified Bessel function of the first kind of order 1."""
    return _in_double(
        lambda x: np.copysign(
            _in_parts(
                np.minimum(np.abs(x), 1e3),
                (4.0,),
                lambda x: x * _ratio(x * x, _I1_P, _I1_Q),
                lambda x: _i_far(x, *_I1_PARTS),
            ),
            x,
        ),
        x,
    )


def _j0(x: Any) -> Any:
    """Bessel function of the first kind of order 0; 0 at infinity."""

    def far(x: Any) -> Any:
        v = 1 / x
        u = v * v
        c, s = np.cos(x), np.sin(x)
        cosine, sine = 1 + u * _ratio(u, _J0_COS_P, _J0_COS_Q), v * _ratio(u, _J0_SIN_P, _J0_SIN_Q)
        # cos and sin of x - pi/4 are (c + s) and (s - c) over sqrt(2).
        return _over_root(cosine * _plus(x, c, s) - sine * _minus(x, c, s), x)

    a, a_low, b, b_low = _J0_ZEROS
    return _in_double(
        lambda x: _in_parts(
            np.abs(x),
            (1.25, 4.0, 7.0),
            lambda x: 1 + x * x * _ratio(x * x, _J0_LOW_P, _J0_LOW_Q),
            lambda x: ((x - a) - a_low) * _polynomial(x - 2.625, _J0_NEAR_P),
            lambda x: ((x - b) - b_low) * _polynomial(x - 5.5, _J0_MIDDLE_P),
            far,
        ),
        x,
    )


def _j1(x: Any) -> Any:
    """Bessel function of the first kind of order 1; 0 at infinity."""

    def far(x: Any) -> Any:
        v = 1 / x
        u = v * v
        c, s = np.cos(x), np.sin(x)
        cosine, sine = 1 + u * _ratio(u, _J1_COS_P, _J1_COS_Q), v * _ratio(u, _J1_SIN_P, _J1_SIN_Q)
        # cos and sin of x - 3 pi/4 are (s - c) and -(s + c) over sqrt(2).
        return _over_root(cosine * _minus(x, c, s) + sine * _plus(x, c, s), x)

    a, a_low, b, b_low = _J1_ZEROS
    return _in_double(
        lambda x: (
            np.copysign(1.0, x)
            * _in_parts(
                np.abs(x),
                (2.0, 5.0, 8.0),
                lambda x: x * (0.5 + x * x * _ratio(x * x, _J1_LOW_P, _J1_LOW_Q)),
                lambda x: ((x - a) - a_low) * _polynomial(x - 3.5, _J1_NEAR_P),
                lambda x: ((x - b) - b_low) * _polynomial(x - 6.5, _J1_MIDDLE_P),
                far,
            )
        ),
        x,
    )


def _over_root(value: Any, x: Any) -> Any:
    """The value over sqrt(pi x); 0 at infinity."""
    return np.where(np.isinf(x), 0.0, value * 0.5641895835477563 / np.sqrt(x))


def _plus(x: Any, c: Any, s: Any) -> Any:
    """cos(x) + sin(x), without cancellation: cos(2 x) over their difference where signs differ."""
    return np.where(c * s < 0, np.cos(2 * x) / np.where(c * s < 0, c - s, 1.0), c + s)


def _minus(x: Any, c: Any, s: Any) -> Any:
    """sin(x) - cos(x), without cancellation: -cos(2 x) over their sum where signs agree."""
    return np.where(c * s > 0, -np.cos(2 * x) / np.where(c * s > 0, c + s, 1.0), s - c)
