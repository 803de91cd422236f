with

source as (

    select * from {{ ref('demo_orders') }}

),

orders as (

    select
        order_id,
        customer_id,
        cast(ordered_on as date) as ordered_on,
        cast(amount as double precision) as amount
    from source

)

select * from orders
